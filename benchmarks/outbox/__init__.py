"""Deliver through a relay that fails at every verb, with senders that are killed."""
