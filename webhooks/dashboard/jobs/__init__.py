"""Jobs: listed by filter, acted on many at a time, and the actions themselves."""
