"""kitrelay's background side: the ledger, the bell, the clients and the jobs.

Import order, upper may import lower, never the reverse (held by import-linter):

    cli | sandbox
    tasks
    drain
    assemblies | confirmation | scheduler
    clients | jobs
    kinds | connections
    celery, logs, metrics, settings, errors
"""
