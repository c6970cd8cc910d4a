"""Kits: found by code, and a kit in every system side by side."""
