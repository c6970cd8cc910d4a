"""Failures by reason: listed, and a group with what to do about it."""
