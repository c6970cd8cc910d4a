"""Today: how everything stands, and its pace."""
