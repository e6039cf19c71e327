"""What can go wrong, by what the caller does next.

MDKError
├── UsageError              fix the call
│   ├── NotStarted
│   ├── NoInteraction
│   └── BadValue            (a ValueError too)
├── ConfigurationError      fix the environment variable it names
├── Stopped                 give up: whoever called stop() wanted it so
└── ResolveTimeout          try again later, or do without
    └── NoNodeAvailable     every node is out; it says until when
"""

from __future__ import annotations

from typing import NamedTuple


class MDKError(Exception):
    """Anything that the MDK raises on purpose."""

    def __reduce__(self) -> tuple[object, ...]:
        """Some are made with more than `args`: without this what a worker of a process pool raises could not be read."""
        return _remade, (type(self), self.args, self.__dict__)


def _remade(type_: type[MDKError], args: tuple[object, ...], fields: dict[str, object]) -> MDKError:
    error = type_.__new__(type_, *args)
    error.args = args
    error.__dict__.update(fields)
    return error


def shown(value: object) -> str:
    """A value in an error's text."""
    return _short(repr(value))


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."


class UsageError(MDKError):
    """The call is wrong where it stands."""


class NotStarted(UsageError):
    """The MDK is not running, and what was asked needs it."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted
        super().__init__(wanted)

    def __str__(self) -> str:
        return f"{self.wanted} needs a running MDK; call start() first, and do it before stop()"


class NoInteraction(UsageError):
    """An interaction was finished that nobody started."""

    def __init__(self, trace_id: str) -> None:
        self.trace_id = trace_id
        super().__init__(trace_id)

    def __str__(self) -> str:
        return (
            f"session {self.trace_id} has no interaction to finish; "
            "every finish_interaction() needs a start_interaction() before it"
        )


class BadValue(UsageError, ValueError):
    """An argument that cannot be taken."""

    def __init__(self, name: str, value: object, expected: str) -> None:
        self.name = name
        self.value = value
        self.expected = expected
        super().__init__(name, value, expected)

    def __str__(self) -> str:
        return f"{self.name} is {shown(self.value)}; expected {self.expected}"


class ConfigurationError(MDKError):
    """An environment variable holds what cannot be used."""

    def __init__(self, variable: str, value: str, expected: str) -> None:
        self.variable = variable
        self.value = value
        self.expected = expected
        super().__init__(variable, value, expected)

    def __str__(self) -> str:
        return f"{self.variable}={_short(self.value)!r} cannot be used; expected {self.expected}"


class KnownNodes(NamedTuple):
    """How many nodes of one version a table knows in one environment."""

    environment: str
    version: str | None
    nodes: int

    def __str__(self) -> str:
        return f"{self.nodes} of version {self.version} in {self.environment}"


class NodeOut(NamedTuple):
    """A node that its circuit breaker keeps out."""

    address: str
    retry_in_s: float
    """0 while another call is trying it."""

    def __str__(self) -> str:
        when = f"tried again in {self.retry_in_s:.1f} s" if self.retry_in_s > 0 else "being tried"
        return f"{self.address} ({when})"


def _wanted(service: str, version: str | None) -> str:
    return f"{service} {version}" if version else service


class _Unresolved(MDKError):
    """Somebody waited for a node of a service, and there was none."""

    def __init__(self, service: str, version: str | None, *, environment: str, waited_s: float) -> None:
        self.service = service
        self.version = version
        self.environment = environment
        self.waited_s = waited_s
        super().__init__(service, version)


class Stopped(_Unresolved):
    """The MDK was stopped, so no node will come. No `ResolveTimeout`: who tries again after one would do so for ever."""

    def __str__(self) -> str:
        return (
            f"stop() was called before there was a node of {_wanted(self.service, self.version)} "
            f"in environment {self.environment} (waited {self.waited_s:.1f} s); none will come until start()"
        )


class ResolveTimeout(_Unresolved):
    """No node came in time."""

    def __init__(
        self,
        service: str,
        version: str | None,
        *,
        environment: str,
        waited_s: float,
        known: tuple[KnownNodes, ...] = (),
        surroundings: str = "",
    ) -> None:
        super().__init__(service, version, environment=environment, waited_s=waited_s)
        self.known = known
        """What there is of the service, in any version and environment."""
        self.surroundings = surroundings
        """Where nodes would have come from: `connected to ws://…`."""

    def __str__(self) -> str:
        known = "; ".join(map(str, self.known)) or "none"
        where = f"; {self.surroundings}" if self.surroundings else ""
        return (
            f"no node of {_wanted(self.service, self.version)} in environment {self.environment} "
            f"after {self.waited_s:.1f} s; nodes of {self.service}: {known}{where}"
        )


class NoNodeAvailable(ResolveTimeout):
    """There are nodes, and circuit breakers keep all of them out."""

    def __init__(
        self,
        service: str,
        version: str | None,
        *,
        environment: str,
        waited_s: float,
        out: tuple[NodeOut, ...],
        known: tuple[KnownNodes, ...] = (),
        surroundings: str = "",
    ) -> None:
        super().__init__(
            service, version, environment=environment, waited_s=waited_s, known=known, surroundings=surroundings
        )
        self.out = out

    def __str__(self) -> str:
        return (
            f"all nodes of {_wanted(self.service, self.version)} in environment {self.environment} failed too often "
            f"and are out, waited {self.waited_s:.1f} s: {', '.join(map(str, self.out))}"
        )
