"""The resolved, frozen model of a spec folder: what the checker makes and everything else reads.

Every name is resolved, every expression typed, every default present. `mdkgen.ir` writes it as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Span:
    """Where a construct stands; lines and columns count from 1, the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


# --- types: as text, they are as a spec writes them ------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scalar:
    """`bool`, `string`, `int`, `float`, `seconds` or `any`."""

    name: Literal["bool", "string", "int", "float", "seconds", "any"]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Named:
    """A declared type."""

    name: str
    kind: Literal["record", "message", "enum", "newtype"]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class ListOf:
    """A JSON array of one type."""

    item: Type

    def __str__(self) -> str:
        return f"list<{self.item}>"


@dataclass(frozen=True, slots=True)
class MapOf:
    """A JSON object with any keys and values of one type."""

    value: Type

    def __str__(self) -> str:
        return f"map<{self.value}>"


@dataclass(frozen=True, slots=True)
class Nullable:
    """The type, or null."""

    base: Type

    def __str__(self) -> str:
        return f"{self.base} | null"


SCALARS: Final[Mapping[str, Scalar]] = {
    one.name: one
    for one in (Scalar("bool"), Scalar("string"), Scalar("int"), Scalar("float"), Scalar("seconds"), Scalar("any"))
}
"""By the names that a spec has for them."""

Type = Scalar | Named | ListOf | MapOf | Nullable


# --- expressions ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Value:
    """A literal. Durations are seconds as float, sizes bytes as int; `name` is set for an enum's member."""

    value: str | int | float | bool | None
    type: Type
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ConstRef:
    """A `const`."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class ParamRef:
    """A `param` of the protocol or of the part; `part` says whose."""

    part: str
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class ArgRef:
    """A variable of the trigger or of `for`, with the fields that are read from it."""

    name: str
    path: tuple[str, ...]
    type: Type
    optional: bool = False
    """True if the last field may be absent."""


@dataclass(frozen=True, slots=True)
class FlagRef:
    """A flag of the same part and role."""

    name: str


@dataclass(frozen=True, slots=True)
class HookCall:
    """What a hook answers."""

    hook: str
    args: tuple[Expr, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Construct:
    """A record or message with some fields given; the rest take their defaults."""

    type: Named
    fields: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class ListValue:
    """A JSON array."""

    items: tuple[Expr, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class MapValue:
    """A JSON object."""

    items: tuple[tuple[str, Expr], ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`*` or `/` of two numbers."""

    operator: Literal["*", "/"]
    left: Expr
    right: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison; true or false."""

    operator: Literal["<", "<=", ">", ">=", "==", "!="]
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Not:
    """Negation."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    operands: tuple[Expr, ...]


Expr = (
    Value | ConstRef | ParamRef | ArgRef | FlagRef | HookCall | Construct | ListValue | MapValue
    | Arithmetic | Compare | Not | And
)  # fmt: skip


# --- declarations ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Const:
    """A named value."""

    name: str
    type: Type
    value: Value
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Newtype:
    """A scalar with a name and bounds."""

    name: str
    base: Scalar
    minimum: float | int | None
    maximum: float | int | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record or message. `name` is Python's, `wire` the JSON key."""

    name: str
    wire: str
    type: Type
    presence: Literal["required", "default", "optional"]
    default: Expr | None
    fixed: bool
    doc: str
    span: Span
    sensitive: bool = False
    """A secret: it is not shown where the record or message is shown to people."""


@dataclass(frozen=True, slots=True)
class Record:
    """A JSON object without a type of its own."""

    name: str
    fields: tuple[Field, ...]
    doc: str
    span: Span
    reserved: tuple[str, ...] = ()
    """Keys that no field has, or may have again."""


@dataclass(frozen=True, slots=True)
class Message:
    """A JSON object on the wire: `wire` is what we write as its type, `also` what we read besides."""

    name: str
    wire: str
    also: tuple[str, ...]
    fields: tuple[Field, ...]
    doc: str
    span: Span
    reserved: tuple[str, ...] = ()
    """Keys that no field has, or may have again."""


@dataclass(frozen=True, slots=True)
class Member:
    """A value of an enum."""

    name: str
    value: str
    doc: str


@dataclass(frozen=True, slots=True)
class Enum:
    """A string out of a list; an open one keeps strings that are not on it."""

    name: str
    open: bool
    members: tuple[Member, ...]
    doc: str
    span: Span
    reserved: tuple[str, ...] = ()
    """Values that no member has, or may have again."""


# --- machines -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Argument:
    """A parameter of a call, hook or tell."""

    name: str
    type: Type
    optional: bool


@dataclass(frozen=True, slots=True)
class Hook:
    """A question to the application: `each` answers many values, no `result` is an order."""

    name: str
    arguments: tuple[Argument, ...]
    result: Type | None
    each: bool
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Event:
    """What the application is told; collected from all `tell` of one name, which agree in their arguments."""

    name: str
    arguments: tuple[Argument, ...]
    shared: bool
    """True if told from a shared lease, without a connection."""


@dataclass(frozen=True, slots=True)
class Call:
    """What the application may ask of its side."""

    name: str
    arguments: tuple[Argument, ...]
    doc: str


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean: `connection` ones start anew with each connection, `session` ones live over reconnects."""

    name: str
    scope: Literal["connection", "session"]
    initial: bool
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """Keyed timers. `shared` ones belong to all the connections of an accepting side."""

    name: str
    scope: Literal["connection", "session", "shared"]
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message; with `each`, one for every value that a hook answers."""

    message: str
    value: Expr
    each: tuple[str, HookCall] | None
    """(variable, hook)"""


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell the application."""

    event: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Do:
    """Call a hook without an answer."""

    hook: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class SetFlag:
    """Set or clear a flag."""

    flag: str
    value: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """Start or renew a lease."""

    lease: str
    key: Expr
    ttl_s: Expr


@dataclass(frozen=True, slots=True)
class Release:
    """End a lease without its lapse."""

    lease: str
    key: Expr


@dataclass(frozen=True, slots=True)
class Hangup:
    """Close the connection when everything that was sent is written."""


@dataclass(frozen=True, slots=True)
class Fail:
    """Send the protocol's close message with this code, then hang up."""

    code: str


Action = Send | Tell | Do | SetFlag | Grant | Release | Hangup | Fail


@dataclass(frozen=True, slots=True)
class Trigger:
    """What starts a transition.

    `name` is the message, call, or lease; empty for `enter`, `after` and `every`. `binds` are the names
    under which the guard and the actions see what came with it: the message (recv), the arguments
    (call), the key (lapse). `delay_s` is set for `after` and `every`.
    """

    kind: Literal["enter", "recv", "call", "after", "every", "lapse"]
    name: str
    binds: tuple[str, ...]
    delay_s: Expr | None


@dataclass(frozen=True, slots=True)
class Transition:
    """Of the transitions of one trigger the first whose guard holds is taken."""

    trigger: Trigger
    guard: Expr | None
    actions: tuple[Action, ...]
    target: str | None
    """The next state; None stays (and re-arms nothing)."""
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class State:
    """A state; `ignores` are messages and calls that do nothing here when no transition takes them."""

    name: str
    start: bool
    hot: bool
    """True if it must be left again."""
    transitions: tuple[Transition, ...]
    ignores: tuple[str, ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Machine:
    """One role's side of one part. `always` holds in every state, and also while the part is not live."""

    role: str
    hooks: tuple[Hook, ...]
    events: tuple[Event, ...]
    calls: tuple[Call, ...]
    flags: tuple[Flag, ...]
    leases: tuple[Lease, ...]
    always: tuple[Transition, ...]
    states: tuple[State, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Batch:
    """A delivery's messages in one frame, while both sides are where they know it."""

    message: str
    field: str
    """The list that holds them."""
    count_max: int
    ack: str
    """Acknowledges all up to a number."""
    ack_number: str
    states: tuple[str, ...]
    """Of the protocol's own machine."""
    span: Span


@dataclass(frozen=True, slots=True)
class Delivery:
    """Messages of one kind, numbered, kept until acknowledged, sent again on connect."""

    name: str
    sender: str
    message: str
    number: str
    """The field that carries the number."""
    first: int
    ack: str
    ack_number: str
    ack_mode: Literal["each", "upto"]
    resend: bool
    count_max: int
    size_bytes_max: int
    overflow: Literal["drop_oldest", "drop_newest"]
    batch: Batch | None
    doc: str
    span: Span

    @property
    def packets(self) -> tuple[str, ...]:
        """What carries its messages."""
        return (self.message,) if self.batch is None else (self.message, self.batch.message)

    @property
    def acks(self) -> tuple[str, ...]:
        """What acknowledges them."""
        return (self.ack,) if self.batch is None else (self.ack, self.batch.ack)


@dataclass(frozen=True, slots=True)
class Request:
    """A question and its answer, paired by a number that the asking side gives."""

    name: str
    sender: str
    message: str
    number: str
    reply: str
    reply_number: str
    timeout_s: Expr
    pending_max: int
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Param:
    """A number of the spec that may be given anew at start."""

    name: str
    type: Type
    default: Expr
    doc: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A sub-protocol. The protocol's own machine is the first part, with no `live_in`."""

    name: str
    live_in: tuple[str, ...]
    params: tuple[Param, ...]
    deliveries: tuple[Delivery, ...]
    requests: tuple[Request, ...]
    machines: tuple[Machine, ...]
    """The connecting role's, then the accepting role's."""
    doc: str
    span: Span

    def machine(self, role: str) -> Machine:
        """The machine of one role."""
        return next(machine for machine in self.machines if machine.role == role)


@dataclass(frozen=True, slots=True)
class Policy:
    """What happens to a message that cannot be taken: dropped, or the connection fails.

    `drop_max` in a row are dropped before it fails; None drops for ever, 0 fails at the first.
    """

    drop_max: int | None
    code: str
    """Of the close; empty when it is never sent."""


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Waits of the connecting role: from first to longest, times `factor` each, and +- `jitter` of it."""

    first_s: float
    longest_s: float
    factor: float
    jitter: float


@dataclass(frozen=True, slots=True)
class Protocol:
    """One connection between two roles."""

    name: str
    path: str
    tag: str
    """The JSON key that names a message's type."""
    message_bytes_max: int
    connector: str
    acceptor: str
    unknown: Policy
    illegal: Policy
    malformed: Policy
    close: Construct | None
    """The message that `fail` sends: in it ArgRef("CODE") and ArgRef("TITLE") stand for the reason."""
    reconnect: Reconnect
    parts: tuple[Part, ...]
    doc: str
    span: Span
    reserved: tuple[str, ...] = ()
    """Type names that no message has, or may have again."""


# --- face and whole -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Export:
    """A name that a face shows; `alias` is the name under which it is shown."""

    module: str
    name: str
    alias: str


@dataclass(frozen=True, slots=True)
class FaceModule:
    """A module of a face; the name is empty for the package itself."""

    name: str
    exports: tuple[Export, ...]
    doc: str


@dataclass(frozen=True, slots=True)
class Face:
    """A package that only shows names of other packages."""

    name: str
    modules: tuple[FaceModule, ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class ScenarioStep:
    """One step of a scenario. Fields that are not given may have any value, or get a plain one."""

    kind: Literal[
        "given", "call", "deliver", "acknowledge", "ask", "answer", "arrive", "told", "in", "pass", "lost", "made"
    ]
    role: str
    """Who acts, or is told; of `arrive` the sender; empty for what happens to both."""
    name: str
    """The hook, call, delivery, request, message, event or state."""
    fields: tuple[tuple[str, Expr], ...]
    value: Expr | None
    """What a hook answers from here on, or how long time passes."""
    span: Span


@dataclass(frozen=True, slots=True)
class Scenario:
    """A conversation that both sides must be able to have just so."""

    name: str
    protocol: str
    part: str
    steps: tuple[ScenarioStep, ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole folder of .mdkspec files, which share one namespace."""

    namespace: str
    version: str
    consts: tuple[Const, ...]
    newtypes: tuple[Newtype, ...]
    enums: tuple[Enum, ...]
    records: tuple[Record, ...]
    """A record stands after those that its fields' defaults and types need, as far as there is no cycle."""
    messages: tuple[Message, ...]
    protocols: tuple[Protocol, ...]
    faces: tuple[Face, ...]
    files: tuple[str, ...] = field(default=())
    """Names relative to the spec folder, sorted."""
    scenarios: tuple[Scenario, ...] = field(default=())
