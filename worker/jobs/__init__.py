"""The ledger and the queue: jobs, attempts, batches and deliveries as rows. Knows no ERP and no kit."""
