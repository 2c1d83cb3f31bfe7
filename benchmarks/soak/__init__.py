"""Let the service run a week of many models as fast as it can, and count what it did."""
