"""Deliveries: what arrived, why it was refused, replays and tests."""
