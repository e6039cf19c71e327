"""What an endpoint looks up for every message, worked out once for each role."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct

from mdkspec_runtime.tables import Batch, Delivery, Request, Role

ROLES_MAX = 256
"""Plans that are kept. A process has a handful of roles; tests make more."""


class Received(Struct, frozen=True):
    """What happens to one kind of message."""

    index: int
    """Of the part that takes it."""
    input: str
    by_engine: bool
    """True if the tables need not take it, because the engine does: an ack, a reply or a batch."""
    ack_of: Delivery | None
    reply_to: Request | None
    batch: Batch | None = None
    """Set if the message is a batch or acknowledges one: it is legal in the batch's states only."""
    unpacks: Delivery | None = None
    """Whose batch it is."""
    delivery: Delivery | None = None
    """Set if the message is one of a delivery's whose messages also come in batches."""


class Plan(Struct, frozen=True):
    """A role, as an endpoint reads it."""

    role: Role
    index: Mapping[str, int]
    """Part to its place in `role.machines`."""
    received: Mapping[type, Received]
    flags: Mapping[str, bool]
    """All flags with the values where they start."""
    connection_flags: Mapping[str, bool]
    lease_scopes: Mapping[str, str]
    lease_parts: Mapping[str, int]
    answering: Mapping[str, Request]
    """The requests that it answers, by name."""


@lru_cache(maxsize=ROLES_MAX)
def plan_of(role: Role) -> Plan:
    """The plan of a role."""
    index = {machine.part: place for place, machine in enumerate(role.machines)}
    connection_flags = {name: value for machine in role.machines for name, value in machine.connection_flags.items()}
    session_flags = {name: value for machine in role.machines for name, value in machine.session_flags.items()}
    return Plan(
        role=role,
        index=index,
        received=_received(role, index),
        flags={**session_flags, **connection_flags},
        connection_flags=connection_flags,
        lease_scopes={name: scope for machine in role.machines for name, scope in machine.leases.items()},
        lease_parts={name: index[machine.part] for machine in role.machines for name in machine.leases},
        answering={one.name: one for one in role.requests if one.sender != role.role},
    )


def _received(role: Role, index: Mapping[str, int]) -> dict[type, Received]:
    classes = {message.__name__: message for message in role.codec.messages}
    mine = [delivery for delivery in role.deliveries if delivery.sender == role.role]
    acks = {delivery.ack: delivery for delivery in mine}
    batch_acks = {delivery.batch.ack: delivery for delivery in mine if delivery.batch is not None}
    others = [delivery for delivery in role.deliveries if delivery.sender != role.role]
    batches = {delivery.batch.message: delivery for delivery in others if delivery.batch is not None}
    replies = {request.reply: request for request in role.requests if request.sender == role.role}
    engines = (*acks, *batch_acks, *batches, *replies)
    return {
        classes[name]: Received(
            index=index[part],
            input=f"recv {name}",
            by_engine=name in engines,
            ack_of=acks.get(name) or batch_acks.get(name),
            reply_to=replies.get(name),
            batch=one.batch if (one := batch_acks.get(name) or batches.get(name)) is not None else None,
            unpacks=batches.get(name),
            delivery=next((one for one in batches.values() if one.message == name), None),
        )
        for name, part in role.receives.items()
    }
