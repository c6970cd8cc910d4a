"""A job's page: its life, its calls, its document, and what may be done with it."""
