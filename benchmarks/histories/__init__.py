"""Let random weeks happen to incidents and messages, with jobs that are cut off at any change, and look whether every promise holds."""
