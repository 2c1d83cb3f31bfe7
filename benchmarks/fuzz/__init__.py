"""Throw malformed lines and broken files at the reading."""
