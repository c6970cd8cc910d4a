"""The part of the ledger that knows kits: identities by system, what was seen last, where a kit is used, what we wrote ourselves."""
