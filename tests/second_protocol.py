"""A protocol that stands beside the chat of the examples, in the same namespace."""

from __future__ import annotations

CLOCK = """mdkspec 1
namespace chat_protocol
version 1.0

message Tick as "tick" {{ }}
message Tock as "tock" {{ at: int = 0 }}

protocol Clock {{
  transport websocket {{ path: "/clock", tag: "kind", message_max: 64KiB }}
  roles member connects, tower accepts
  unknown message -> drop
  illegal message -> fail "illegal_message"
  malformed message -> fail "malformed_message"
  close with Bye(reason = CODE)
  reconnect 500ms .. 10s x 2 jitter 0.1
  role member {{ {member} }}
  role tower {{ {tower} }}
}}
"""


def clock(*, member: str, tower: str) -> str:
    """The text of its file, with what stands in its roles."""
    return CLOCK.format(member=member, tower=tower)
