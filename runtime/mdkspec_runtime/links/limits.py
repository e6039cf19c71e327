"""What both ends of a link keep to."""

from __future__ import annotations

PING_EVERY_S = 20.0
"""How often a silent connection is probed from either end; one that does not answer within as long is dead. 0 for never."""
CLOSE_WITHIN_S = 2.0
"""As long as a closing handshake may take; a peer that does not answer is cut."""
FRAME_SLACK = 2
"""Frames up to so many times the protocol's maximum are read, for the policy on malformed messages to answer.

Longer ones are refused by the WebSocket library with code 1009 before they fill memory.
"""
