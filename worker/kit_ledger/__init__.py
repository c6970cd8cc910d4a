"""The part of the ledger that knows kits: identities by system, what was seen last, where a kit is used, what we wrote ourselves.

tables      the rows, beside those of `worker.jobs`
book        one tenant's kits, as the rest of kitrelay asks for them; each question is a short transaction
links       identities: which id a code has, and what it was called before
snapshots   what kits were when last read
where_used  from an inner kit to the kits that hold it
known       all that is known of one kit, for people
finding     kits by the beginning of their code
marks       what we wrote ourselves or asked for, and what source and target last agreed on
rounds      scheduled comparisons, one at a time for a tenant; forgetting what is old
"""
