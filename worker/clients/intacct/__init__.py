"""Sage Intacct: kit components, items, the query service and tokens."""
