"""kitrelay's Flask side: verify, store, ring, answer. It takes what ERPs send and what people and programs ask; it calls no ERP, ever."""

from __future__ import annotations

from webhooks.app import create_app

__all__ = ["create_app"]
