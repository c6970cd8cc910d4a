"""How kitrelay talks to the ERPs: one folder each, and what they share."""
