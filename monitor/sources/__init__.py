"""Where lines come from, and how one is read."""
