"""Kits as our own word: recipes, units, explosion, difference, the plan of writes. Pure: calls nothing, knows no ERP."""
