"""Kit assemblies in Visma: create, update, delete, release. Submit, wait, settle.

handler.py       what the lane's loop calls
starting.py      a job's first call, and what its answer means
settling.py      how one waiting job stands: operation, then document
confirmation.py  how many waiting jobs stand, by few list calls
planning.py      the documents of a selection
reading.py       a look at one document, for whoever waits for it
seeing.py        whether a document shows what a job asked for
visma_clock.py   the zone of Visma's times
"""
