"""The engine under any protocol that mdkgen generates: no message, state or number of its own."""

from mdkspec_runtime.codec import Codec
from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.enums import OpenEnum
from mdkspec_runtime.errors import (
    IllegalCall,
    IllegalMessage,
    MalformedMessage,
    PeerError,
    ProtocolRuntimeError,
    RequestFailed,
    UnknownMessage,
    UnsendableMessage,
)
from mdkspec_runtime.leases import SharedLeases
from mdkspec_runtime.outbox import Outbox

__all__ = [
    "Codec",
    "Endpoint",
    "IllegalCall",
    "IllegalMessage",
    "MalformedMessage",
    "OpenEnum",
    "Outbox",
    "PeerError",
    "ProtocolRuntimeError",
    "RequestFailed",
    "SharedLeases",
    "UnknownMessage",
    "UnsendableMessage",
]
