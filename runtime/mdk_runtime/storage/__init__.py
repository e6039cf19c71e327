"""Logs and interactions on disk: SQLite, one folder a tenant, one thread that writes."""
