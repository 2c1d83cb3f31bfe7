"""The questions: one page each, no SQL and no arithmetic in a page."""
