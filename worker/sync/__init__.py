"""Keep kits in step between systems. Import order: steps, then systems, then what they share."""
