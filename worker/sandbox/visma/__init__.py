"""Visma Net ERP."""
