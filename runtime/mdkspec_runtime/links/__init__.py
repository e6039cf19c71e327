"""Shells that connect endpoints to WebSockets."""
