"""Scenarios: conversations that a spec promises, played on what it means, drawn, and written as tests."""
