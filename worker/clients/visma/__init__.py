"""Visma Net ERP: kit assemblies and the background API."""
