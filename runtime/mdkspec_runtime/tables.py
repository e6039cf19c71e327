"""The classes that a generated package fills with facts: what the checker checked is what `step` reads.

Functions in a table take a `Scope` first, then what came with the input: the message of a `recv`, the
arguments of a `call`, the key of a `lapse`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field

if TYPE_CHECKING:
    from mdkspec_runtime.codec import Codec


class Scope(Struct, frozen=True):
    """What a table's functions may read."""

    hooks: Any
    """The application's handler."""
    params: Mapping[str, float]
    flags: Mapping[str, bool]
    """Keys are `Part.flag`."""


class Send(Struct, frozen=True):
    """Send what `make` returns; with `each`, once for every item, which `make` gets as its last argument."""

    message: str
    make: Callable[..., Any]
    each: Callable[..., Iterable[Any]] | None = None


class Tell(Struct, frozen=True):
    """Call the handler's method `event`."""

    event: str
    args: Callable[..., tuple[Any, ...]]


class Do(Struct, frozen=True):
    """Call the handler's method `hook`, which answers nothing."""

    hook: str
    args: Callable[..., tuple[Any, ...]]


class SetFlag(Struct, frozen=True):
    """Give a flag (`Part.flag`) a value."""

    flag: str
    value: bool


class Grant(Struct, frozen=True):
    """Start or renew the lease `Part.lease` of a key."""

    lease: str
    key: Callable[..., str]
    ttl_s: Callable[..., float]


class Release(Struct, frozen=True):
    """End the lease `Part.lease` of a key without its lapse."""

    lease: str
    key: Callable[..., str]


class Hangup(Struct, frozen=True):
    """Close the connection when what was sent is written."""


class Fail(Struct, frozen=True):
    """Send the protocol's close message with this code, then hang up."""

    code: str


Action = Send | Tell | Do | SetFlag | Grant | Release | Hangup | Fail


class Transition(Struct, frozen=True):
    """Actions in order. The new state holds before the first of them; its timers and `enter` come after the last."""

    source: str
    """Where the spec says it: `discovery.mdkspec:42`."""
    actions: tuple[Action, ...] = ()
    target: str | None = None
    """The next state; None stays, and re-arms nothing."""
    guard: Callable[..., bool] | None = None


Inputs = Mapping[str, tuple[Transition, ...]]
"""Input to its transitions, of which the first whose guard holds is taken.

Inputs are `enter`, `recv Open`, `call register`, `lapse nodes`, `after 0`, `every 0` (the n-th timer of its state).
A message or call that a state ignores has a last transition without guard and actions.
"""


class Timer(Struct, frozen=True):
    """Runs from the entry of its state: once, or every `delay_s`."""

    input: str
    delay_s: Callable[[Scope], float]
    repeat: bool


class Machine(Struct, frozen=True):
    """One role's side of one part."""

    part: str
    start: str
    states: Mapping[str, Inputs]
    always: Inputs = field(default_factory=dict[str, tuple[Transition, ...]])
    """Holds in every state that has no transition of its own for the input, and while the part is not live."""
    timers: Mapping[str, tuple[Timer, ...]] = field(default_factory=dict[str, tuple[Timer, ...]])
    live_in: frozenset[str] = frozenset()
    """States of the protocol's own machine; empty for that machine itself."""
    sends: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Messages that a state may send, deliveries, acks, requests and replies included."""
    session_flags: Mapping[str, bool] = field(default_factory=dict[str, bool])
    connection_flags: Mapping[str, bool] = field(default_factory=dict[str, bool])
    """Keys are `Part.flag`, values where they start."""
    leases: Mapping[str, Literal["connection", "session", "shared"]] = field(
        default_factory=dict[str, Literal["connection", "session", "shared"]]
    )
    """Keys are `Part.lease`."""


class Batch(Struct, frozen=True):
    """A delivery's messages in one frame, in states of the protocol's own machine in which both sides know it."""

    message: str
    field: str
    """The list that holds them; the message has nothing else."""
    count_max: int
    ack: str
    """Acknowledges all up to a number."""
    ack_number: str
    states: frozenset[str]
    make: Callable[[list[Any]], Any]
    make_ack: Callable[[int], Any]


class Delivery(Struct, frozen=True):
    """Messages of one kind, numbered, kept until acknowledged, sent again on connect."""

    name: str
    part: str
    sender: str
    message: str
    number: str
    first: int
    ack: str
    ack_number: str
    ack_mode: Literal["each", "upto"]
    resend: bool
    count_max: int
    size_bytes_max: int
    overflow: Literal["drop_oldest", "drop_newest"]
    make_ack: Callable[[int], Any]
    batch: Batch | None = None


class Request(Struct, frozen=True):
    """A question and its answer, paired by a number that the asking side gives."""

    name: str
    part: str
    sender: str
    message: str
    number: str
    reply: str
    reply_number: str
    timeout_s: Callable[[Scope], float]
    pending_max: int


class Policy(Struct, frozen=True):
    """`drop_max` in a row are dropped, the next one fails the connection; None drops for ever."""

    drop_max: int | None
    code: str


class Reconnect(Struct, frozen=True):
    """Waits of the connecting role: from first to longest, times `factor` each, and +- `jitter` of it."""

    first_s: float
    longest_s: float
    factor: float
    jitter: float


class Role(Struct, frozen=True, eq=False):
    """All that one side of a protocol may do. Roles are the same only if they are one object."""

    protocol: str
    role: str
    peer: str
    connects: bool
    path: str
    machines: tuple[Machine, ...]
    """The protocol's own machine first, then its parts in the order in which they start."""
    receives: Mapping[str, str]
    """Message to the part that takes it, acks and replies included."""
    deliveries: tuple[Delivery, ...]
    requests: tuple[Request, ...]
    params: Mapping[str, float]
    unknown: Policy
    illegal: Policy
    malformed: Policy
    close: Callable[[str, str], Any] | None
    """Makes the message that `fail` sends, from a code and a title."""
    reconnect: Reconnect | None
    codec: Codec
