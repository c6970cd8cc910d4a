"""Controls: connections, schedules, keys, and who did what."""
