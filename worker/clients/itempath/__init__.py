"""ItemPath, which stands before Kardex Power Pick: kits, their lines, materials, and the log of calls."""
