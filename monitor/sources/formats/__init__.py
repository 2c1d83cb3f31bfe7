"""
One file per log format: a function from the bytes of a line to records.

A record is a dict with any of the keys of `Record`; `None` says that the line is no prediction (counted as other), and
`Refused` names the reason of a reject.
"""
