"""Batches: listed, made, watched, turned, and their results as a file."""
