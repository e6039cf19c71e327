"""What the environment variables say, read once and checked whole."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from mdk_protocol import messages
from mdk_runtime.core.client.breaker import BreakerSettings
from mdk_runtime.core.client.environments import Environment, parse_environment
from mdk_runtime.errors import ConfigurationError

DEFAULT_SERVER_URL = "ws://127.0.0.1:8765/rtp"
"""Where `mdk server` listens when nothing is set."""
URL_EXAMPLE = "a WebSocket URL such as ws://127.0.0.1:8765/rtp"
PORT_MAX = 65535
SOURCE_EXAMPLES = "datawire:TOKEN, static:nodes=[{...}, ...] or synapse:path=DIRECTORY"


PING_S = 20.0
"""A server that vanished without a word is noticed in twice that."""


class Config(Struct, frozen=True):
    """How an MDK is set up."""

    server_url: str | None = DEFAULT_SERVER_URL
    """None connects to nothing: sessions and logging work, and other sources fill the table."""
    more_server_urls: tuple[str, ...] = ()
    """Servers to try where the first cannot be reached."""
    ca_file: str | None = None
    """Certificates, in PEM, that a `wss://` server may be signed by, instead of the system's."""
    token: str | None = None
    environment: Environment = field(default_factory=Environment)
    static_nodes: tuple[messages.Node, ...] = ()
    synapse_path: str | None = None
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    experimental: bool = False
    """Whether a session's routes act on its resolves."""
    log_messages: bool = False
    follows_all: bool = True
    """False: the server tells only of services that this process uses."""
    ping_s: float = PING_S
    """How often a silent server is probed, and how long it may take to answer."""
    baggage_properties: tuple[str, ...] = ()
    """Session properties that travel in W3C baggage, too, where programs of others can read them."""
    routable_address: str | None = None
    """What `register` takes when it is given no address."""

    @property
    def connection_urls(self) -> list[str]:
        """The URLs with the token. Never log these."""
        if self.server_url is None:
            return []
        return [self._with_token(url) for url in (self.server_url, *self.more_server_urls)]

    def _with_token(self, url: str) -> str:
        from urllib.parse import quote, urlsplit  # Slow to import, and only needed to connect.

        if self.token is None:
            return url
        joiner = "&" if urlsplit(url).query else "?"
        return f"{url}{joiner}token={quote(self.token, safe='')}"


def read_config(variables: Mapping[str, str]) -> Config:
    """Read everything from environment variables. Raises ConfigurationError naming the first that is wrong."""
    source, _, argument = variables.get("MDK_DISCOVERY_SOURCE", "").partition(":")
    if source not in ("", "datawire", "static", "synapse"):
        raise ConfigurationError("MDK_DISCOVERY_SOURCE", variables["MDK_DISCOVERY_SOURCE"], SOURCE_EXAMPLES)
    environment = _environment(variables)
    token = variables.get("DATAWIRE_TOKEN") or (argument if source == "datawire" else None) or None
    server_url, *more = _server_urls(variables)
    connects = token is not None or source not in ("static", "synapse")
    return Config(
        server_url=server_url if connects else None,
        more_server_urls=tuple(more) if connects else (),
        ca_file=variables.get("MDK_CA_FILE") or None,
        token=token,
        environment=environment,
        static_nodes=_static_nodes(argument, environment) if source == "static" else (),
        synapse_path=_synapse_path(argument) if source == "synapse" else None,
        breaker=_breaker(variables),
        experimental=bool(variables.get("MDK_EXPERIMENTAL")),
        log_messages=bool(variables.get("MDK_LOG_MESSAGES")),
        ping_s=_ping_s(variables),
        follows_all=_follows_all(variables),
        baggage_properties=tuple(filter(None, map(str.strip, variables.get("MDK_BAGGAGE_PROPERTIES", "").split(",")))),
        routable_address=_routable_address(variables),
    )


def _follows_all(variables: Mapping[str, str]) -> bool:
    text = variables.get("MDK_FOLLOW", "") or "all"
    if text not in ("all", "used"):
        raise ConfigurationError("MDK_FOLLOW", text, "all, or used")
    return text == "all"


def _ping_s(variables: Mapping[str, str]) -> float:
    text = variables.get("MDK_PING", "") or str(PING_S)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ConfigurationError("MDK_PING", text, "seconds, more than 0")
    return seconds


def _server_urls(variables: Mapping[str, str]) -> list[str]:
    """One or several, with commas between."""
    text = variables.get("MDK_SERVER_URL") or DEFAULT_SERVER_URL
    return [_server_url(url.strip()) for url in text.split(",")]


def _server_url(url: str) -> str:
    from urllib.parse import urlsplit  # Slow to import.

    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("ws", "wss") and bool(parts.hostname) and not parts.fragment
        _ = parts.port  # Raises ValueError if it is none.
    except ValueError as error:
        raise ConfigurationError("MDK_SERVER_URL", url, URL_EXAMPLE) from error
    if not usable:
        raise ConfigurationError("MDK_SERVER_URL", url, URL_EXAMPLE)
    return url


def _environment(variables: Mapping[str, str]) -> Environment:
    text = variables.get("MDK_ENVIRONMENT", "")
    try:
        return parse_environment(text)
    except ValueError as error:
        raise ConfigurationError("MDK_ENVIRONMENT", text, "NAME, or FALLBACK:NAME") from error


def _breaker(variables: Mapping[str, str]) -> BreakerSettings:
    policy = variables.get("MDK_FAILURE_POLICY", "")
    if policy not in ("", "recording"):
        raise ConfigurationError("MDK_FAILURE_POLICY", policy, "recording, or nothing for circuit breakers")
    return BreakerSettings(trips=policy != "recording")


def _synapse_path(argument: str) -> str:
    key, _, path = argument.partition("=")
    if key != "path" or not path:
        raise ConfigurationError("MDK_DISCOVERY_SOURCE", f"synapse:{argument}", "synapse:path=DIRECTORY")
    return path


def _routable_address(variables: Mapping[str, str]) -> str | None:
    host, port = variables.get("DATAWIRE_ROUTABLE_HOST"), variables.get("DATAWIRE_ROUTABLE_PORT")
    if not host:
        return None
    if port and not (port.isdecimal() and int(port) <= PORT_MAX):
        raise ConfigurationError("DATAWIRE_ROUTABLE_PORT", port, "a port number")
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"  # An IPv6 address, as it stands in a URL.
    return f"http://{host}:{port}" if port else f"http://{host}"


def _static_nodes(argument: str, environment: Environment) -> tuple[messages.Node, ...]:
    from mdk_runtime.sources import static  # With what reads JSON; most have a server.

    key, _, text = argument.partition("=")
    try:
        if key != "nodes":
            raise ValueError("no nodes=")
        return static.read_nodes(text, environment)
    except ValueError as error:
        expected = f"static:nodes=[{static.NODE_EXAMPLE}, ...] ({error})"
        raise ConfigurationError("MDK_DISCOVERY_SOURCE", f"static:{argument}", expected) from error
