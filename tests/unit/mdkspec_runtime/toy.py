"""A small protocol made by hand, with something of everything: what `mdkgen` would generate from this.

protocol Talk: a client says `hello` and gets `welcome`; either side may say `bye`.
part Work of Talk live in Inside: posts are delivered, questions answered, `beat` comes every 10 s, seats are leased.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from mdkspec_runtime.codec import Codec
from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.enums import OpenEnum
from mdkspec_runtime.leases import SharedLeases
from mdkspec_runtime.tables import (
    Batch,
    Delivery,
    Do,
    Fail,
    Grant,
    Hangup,
    Machine,
    Policy,
    Reconnect,
    Release,
    Request,
    Role,
    Send,
    SetFlag,
    Tell,
    Timer,
    Transition,
)


class Mood(OpenEnum):
    """An open enum."""

    CALM = "calm"
    LOUD = "loud"


class Inner(Struct, frozen=True, kw_only=True, rename={"short_name": "shortName"}):
    """A record with a field of each kind."""

    short_name: str | UnsetType = UNSET
    weight: float = 1.0
    count: int = 0
    extra: dict[str, Any] = {}
    maybe: int | None = None
    mood: Mood = Mood.CALM


class Hello(Struct, frozen=True, kw_only=True, tag="hello", tag_field="type"):
    """First word of a client."""

    name: str
    inner: Inner = Inner()


class Welcome(Struct, frozen=True, kw_only=True, tag="welcome", tag_field="type"):
    """The answer to `hello`."""

    members: list[str] = []


class Bye(Struct, frozen=True, kw_only=True, tag="bye", tag_field="type"):
    """The sender hangs up after this."""

    code: str = ""
    title: str = ""


class Post(Struct, frozen=True, kw_only=True, tag="post", tag_field="type"):
    """What is delivered."""

    text: str = ""
    number: int | UnsetType = UNSET


class Posted(Struct, frozen=True, kw_only=True, tag="posted", tag_field="type"):
    """What acknowledges a `post`."""

    number: int | UnsetType = UNSET


class PostBatch(Struct, frozen=True, kw_only=True, tag="posts", tag_field="type"):
    """What is delivered, together."""

    posts: list[Post]


class PostedUpto(Struct, frozen=True, kw_only=True, tag="posted_upto", tag_field="type"):
    """What acknowledges all posts up to one."""

    number: int | UnsetType = UNSET


class Ask(Struct, frozen=True, kw_only=True, tag="ask", tag_field="type"):
    """A question."""

    text: str = ""
    request: int | UnsetType = UNSET


class Answer(Struct, frozen=True, kw_only=True, tag="answer", tag_field="type"):
    """Its answer."""

    text: str = ""
    request: int | UnsetType = UNSET


class Beat(Struct, frozen=True, kw_only=True, tag="beat", tag_field="type"):
    """A sign of life."""


class Sit(Struct, frozen=True, kw_only=True, tag="sit", tag_field="type"):
    """Takes a seat for a while; an empty while gives it back."""

    seat: str
    ttl: float = 5.0


MESSAGES = (Hello, Welcome, Bye, Post, Posted, PostBatch, PostedUpto, Ask, Answer, Beat, Sit)


def codec(message_bytes_max: int = 2000) -> Codec:
    """A codec of the messages, with aliases for `hello`."""
    aliases = {"toy.Hello": Hello, "toy.old.Hello": Hello}
    return Codec(tag="type", messages=MESSAGES, aliases=aliases, message_bytes_max=message_bytes_max)


LEAVE = Transition("toy:1", actions=(Send("Bye", lambda x: Bye(code="left")), Hangup()))
DISMISSED = Transition("toy:2", actions=(Tell("dismissed", lambda x, m: (m.code,)), Hangup()))

CLIENT_TALK = Machine(
    part="Talk",
    start="Joining",
    states={
        "Joining": {
            "enter": (Transition("toy:3", actions=(Send("Hello", lambda x: Hello(name=x.hooks.own_name())),)),),
            "recv Welcome": (
                Transition("toy:4", actions=(Tell("welcomed", lambda x, m: (m.members,)),), target="Inside"),
            ),
            "recv Bye": (DISMISSED,),
            "call leave": (LEAVE,),
        },
        "Inside": {"recv Bye": (DISMISSED,), "call leave": (LEAVE,)},
    },
    sends={"Joining": frozenset(["Hello", "Bye"]), "Inside": frozenset(["Bye"])},
)
CLIENT_WORK = Machine(
    part="Work",
    start="Busy",
    states={
        "Busy": {
            "enter": (
                Transition(
                    "toy:10",
                    actions=(Send("Sit", lambda x, seat: Sit(seat=seat), each=lambda x: x.hooks.own_seats()),),
                ),
            ),
            "recv Beat": (Transition("toy:11", actions=(Tell("beaten", lambda x, m: ()),)),),
            "call sit": (Transition("toy:12", actions=(Send("Sit", lambda x, seat, ttl: Sit(seat=seat, ttl=ttl)),)),),
            "call remind": (Transition("toy:13", actions=(Grant("Work.memo", lambda x, k, s: k, lambda x, k, s: s),)),),
            "call nod": (Transition("toy:14", actions=(Grant("Work.nod", lambda x, k, s: k, lambda x, k, s: s),)),),
            "call rest": (Transition("toy:15", target="Idle"),),
        },
        "Idle": {
            "recv Beat": (Transition("toy:16"),),
            "after 0": (Transition("toy:17", target="Busy"),),
            "call rest": (Transition("toy:18", target="Idle"),),
        },
    },
    always={
        "lapse memo": (Transition("toy:19", actions=(Tell("reminded", lambda x, key: (key,)),)),),
        "lapse nod": (Transition("toy:20", actions=(Tell("nodded", lambda x, key: (key,)),)),),
        "call want": (Transition("toy:21", actions=(SetFlag("Work.wanted", True), Do("noted", lambda x: ("want",)))),),
        "call forget": (Transition("toy:22", actions=(Release("Work.memo", lambda x, key: key),)),),
    },
    timers={"Idle": (Timer("after 0", lambda x: x.params["rest"], repeat=False),)},
    live_in=frozenset(["Inside"]),
    sends={"Busy": frozenset(["Sit", "Post", "Ask"]), "Idle": frozenset(["Post", "Ask"])},
    session_flags={"Work.wanted": False},
    leases={"Work.memo": "session", "Work.nod": "connection"},
)
SERVER_TALK = Machine(
    part="Talk",
    start="Door",
    states={
        "Door": {
            "recv Hello": (
                Transition(
                    "toy:30",
                    actions=(Send("Welcome", lambda x, m: Welcome()), Tell("joined", lambda x, m: (m,))),
                    target="Inside",
                    guard=lambda x, m: x.hooks.is_free(m.name),
                ),
                Transition("toy:31", actions=(Fail("name_taken"),)),
            ),
            "recv Bye": (DISMISSED,),
            "after 0": (Transition("toy:32", actions=(Fail("no_hello"),)),),
            "call leave": (LEAVE,),
        },
        "Inside": {"recv Bye": (DISMISSED,), "call leave": (LEAVE,)},
    },
    timers={"Door": (Timer("after 0", lambda x: 5.0, repeat=False),)},
    sends={"Door": frozenset(["Welcome", "Bye"]), "Inside": frozenset(["Bye"])},
)
SERVER_WORK = Machine(
    part="Work",
    start="Busy",
    states={
        "Busy": {
            "recv Post": (Transition("toy:40", actions=(Tell("posted", lambda x, m: (m,)),)),),
            "recv Ask": (Transition("toy:41", actions=(Tell("asked", lambda x, m: (m,)),)),),
            "recv Sit": (
                Transition(
                    "toy:42",
                    actions=(Release("Work.seat", lambda x, m: m.seat),),
                    guard=lambda x, m: m.ttl == 0,
                ),
                Transition(
                    "toy:43",
                    actions=(
                        Grant("Work.seat", lambda x, m: m.seat, lambda x, m: m.ttl),
                        Tell("seated", lambda x, m: (m.seat,)),
                    ),
                ),
            ),
            "every 0": (Transition("toy:44", actions=(Send("Beat", lambda x: Beat()),)),),
        },
    },
    always={"lapse seat": (Transition("toy:45", actions=(Tell("vacant", lambda x, key: (key,)),)),)},
    timers={"Busy": (Timer("every 0", lambda x: x.params["beat"], repeat=True),)},
    live_in=frozenset(["Inside"]),
    sends={"Busy": frozenset(["Beat", "Posted", "Answer"])},
    leases={"Work.seat": "shared"},
)

POSTS = Delivery(
    name="posts",
    part="Work",
    sender="client",
    message="Post",
    number="number",
    first=0,
    ack="Posted",
    ack_number="number",
    ack_mode="each",
    resend=True,
    count_max=10,
    size_bytes_max=1000,
    overflow="drop_oldest",
    make_ack=lambda number: Posted(number=number),
)
ASK = Request(
    name="ask",
    part="Work",
    sender="client",
    message="Ask",
    number="request",
    reply="Answer",
    reply_number="request",
    timeout_s=lambda x: 3.0,
    pending_max=2,
)
CLIENT = Role(
    protocol="Talk",
    role="client",
    peer="server",
    connects=True,
    path="/toy",
    machines=(CLIENT_TALK, CLIENT_WORK),
    receives={"Welcome": "Talk", "Bye": "Talk", "Beat": "Work", "Posted": "Work", "Answer": "Work"},
    deliveries=(POSTS,),
    requests=(ASK,),
    params={"beat": 10.0, "rest": 2.0},
    unknown=Policy(None, ""),
    illegal=Policy(0, "illegal_message"),
    malformed=Policy(2, "malformed_messages"),
    close=lambda code, title: Bye(code=code, title=title),
    reconnect=Reconnect(first_s=1.0, longest_s=16.0, factor=2.0, jitter=0.2),
    codec=codec(),
)
SERVER = replace(
    CLIENT,
    role="server",
    peer="client",
    connects=False,
    machines=(SERVER_TALK, SERVER_WORK),
    receives={"Hello": "Talk", "Bye": "Talk", "Post": "Work", "Ask": "Work", "Sit": "Work"},
    reconnect=None,
)


class Handler:
    """An application of either side: answers the hooks, and writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.seats: list[str] = []
        self.is_open = True
        self.raises: dict[str, Exception] = {}
        """What an event raises when it is told."""

    def own_name(self) -> str:
        """A hook."""
        self.tell("own_name")
        return "ada"

    def own_seats(self) -> Iterable[str]:
        """A hook with many answers."""
        return list(self.seats)

    def is_free(self, name: str) -> bool:
        """A guard."""
        return self.is_open

    def tell(self, event: str, *args: Any) -> None:
        """Write an event down, then raise what was ordered for it."""
        if event != "own_name":
            self.told.append((event, *args))
        if event in self.raises:
            raise self.raises[event]

    def __getattr__(self, event: str) -> Any:
        if event.startswith("_"):
            raise AttributeError(event)
        return lambda *args: self.tell(event, *args)


class Client(Endpoint):
    """What would be generated for the client."""

    def __init__(self, handler: object, role: Role = CLIENT, **options: Any) -> None:
        super().__init__(role, handler, **options)


class Server(Endpoint):
    """What would be generated for the server."""

    def __init__(self, handler: object, shared: SharedLeases | None = None, role: Role = SERVER) -> None:
        super().__init__(role, handler, shared=SharedLeases(role, handler) if shared is None else shared)


def exchange(client: Endpoint, server: Endpoint, now: float = 0.0) -> None:
    """Carry frames until there are none; nothing is lost, no time passes."""
    for _ in range(1000):
        to_server, to_client = client.take_output(), server.take_output()
        if not to_server and not to_client:
            return
        for frame in to_server:
            server.receive(frame, now=now)
        for frame in to_client:
            client.receive(frame, now=now)
    raise AssertionError("the endpoints do not come to rest")


def joined(role: Role = CLIENT, server_role: Role = SERVER) -> tuple[Client, Handler, Server, Handler]:
    """Both sides, inside, at time 0, with nothing told so far."""
    ours, theirs = Handler(), Handler()
    client, server = Client(ours, role), Server(theirs, role=server_role)
    client.start(now=0.0)
    client.connected(now=0.0)
    server.connected(now=0.0)
    exchange(client, server)
    assert client.state("Work") == server.state("Work") == "Busy"
    ours.told.clear()
    theirs.told.clear()
    return client, ours, server, theirs


def batched(role: Role, states: frozenset[str] = frozenset(["Inside"]), count_max: int = 3) -> Role:
    """The role, with its posts in batches in these states of Talk."""
    batch = Batch(
        message="PostBatch",
        field="posts",
        count_max=count_max,
        ack="PostedUpto",
        ack_number="number",
        states=states,
        make=lambda items: PostBatch(posts=items),
        make_ack=lambda number: PostedUpto(number=number),
    )
    sent, received = ("PostBatch", "PostedUpto") if role.role == "client" else ("PostedUpto", "PostBatch")
    talk, work = role.machines
    work = replace(work, sends={state: messages | {sent} for state, messages in work.sends.items()})
    receives = {**role.receives, received: "Work"}
    return replace(role, deliveries=(replace(POSTS, batch=batch),), receives=receives, machines=(talk, work))


def frames(endpoint: Client | Server) -> list[bytes]:
    """All output."""
    taken: list[bytes] = []
    while more := endpoint.take_output():
        taken += more
    return taken
