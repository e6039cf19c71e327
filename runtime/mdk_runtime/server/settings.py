"""How a server is set up: each setting once, and what is refused before it starts.

Flags, environment variables, keys of the file, `--help`, `--print-config` and the table of docs/operations.md are all
made of the fields below, by configuration.py.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mdk_runtime.core.server.limits import CONNECTIONS_MAX, GRACE_S, LOGS_PER_S_MAX, NODES_MAX
from mdk_runtime.server.errors import ListenRefused, TLSIncomplete
from mdk_runtime.server.options import (
    AT_LEAST_ONE,
    BYTES,
    COUNT,
    FLAG,
    HOST,
    HOSTS,
    NETWORKS,
    PATH,
    PATHS,
    PORT,
    SECONDS,
    SECONDS_ABOVE_0,
    byte_count,
    choice,
    option,
)
from mdk_runtime.storage.limits import StorageLimits

PORT_DEFAULT = 8765
HTTP_PORT_DEFAULT = 8080
MESSAGE_BYTES_MAX = 2 << 20
"""Twice the protocol's largest message: what is a little too large is answered by name, and does not end a connection."""
TENANTS_MAX = 1000
PING_S = 20.0
"""A connection whose other end is gone is found in twice that; its nodes go with their ttl, or sooner."""
AUTH_FAILURES_MAX = 20
STORED = StorageLimits()


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field is a setting."""

    host: str = option("127.0.0.1", HOST, "address to listen on, for both ports")
    port: int = option(PORT_DEFAULT, PORT, "port of the protocol; 0 takes any free one, for both")
    http: bool = option(
        True, FLAG, "listen for HTTP: console, /api, /metrics, /healthz, /readyz, and /rtp for browsers"
    )
    http_port: int | None = option(
        None, PORT, "port for HTTP; 0 takes any free one", shown=f"{HTTP_PORT_DEFAULT}; 0 with port 0"
    )
    allowed_host: tuple[str, ...] = option(
        (), HOSTS, "name by which browsers and scripts reach the HTTP port, beside this machine's own and its addresses"
    )
    trusted_proxy: tuple[str, ...] = option(
        (),
        NETWORKS,
        "address or network of proxies before the server, whose X-Forwarded-For and X-Forwarded-Proto are believed",
    )
    data: Path = option(
        lambda: default_data_folder(os.environ), PATH, "folder for what is stored", shown="~/.local/state/mdk"
    )
    ready_file: Path | None = option(None, PATH, "written as JSON when the server listens")
    grace: float = option(GRACE_S, SECONDS, "how long nodes outlive a connection that broke")
    ping: float = option(PING_S, SECONDS, "how often a silent client is probed, and how long it may take to answer")
    key: tuple[Path, ...] = option(
        (), PATHS, "key that tokens are signed with, or a folder of them; read again on SIGHUP", shown="none"
    )
    insecure: bool = option(False, FLAG, "let other machines in without keys")
    auth_failures_max: int = option(
        AUTH_FAILURES_MAX, COUNT, "refused tokens a minute of one address, before it has to wait; 0 for no limit"
    )
    metrics_public: bool = option(False, FLAG, "show /metrics without a token where keys are set")
    tls_cert: Path | None = option(None, PATH, "certificate chain in PEM, for both ports; read again on SIGHUP")
    tls_key: Path | None = option(None, PATH, "key of the certificate, in PEM")
    message_bytes_max: int = option(
        MESSAGE_BYTES_MAX,
        byte_count(4096, ", at least 4KiB"),
        "largest frame that is read; a message is at most 1MiB",
        shown="2MiB",
    )
    tenants_max: int = option(TENANTS_MAX, AT_LEAST_ONE, "tenants in use at once")
    tenants_open_max: int = option(
        STORED.tenants_open_max,
        AT_LEAST_ONE,
        "of them, whose files are kept open for writing, six descriptors each; where more write by turns, each has to wait",
    )
    connections_max: int = option(CONNECTIONS_MAX, AT_LEAST_ONE, "connections of one tenant")
    nodes_max: int = option(NODES_MAX, AT_LEAST_ONE, "nodes of one tenant")
    logs_per_second_max: int = option(LOGS_PER_S_MAX, COUNT, "logs a second of one tenant; 0 for no limit")
    segment_rows: int = option(
        STORED.segment_rows, AT_LEAST_ONE, "rows in one file of a tenant, before the next is begun"
    )
    segment_bytes: int = option(STORED.segment_bytes, BYTES, "its size, before the next is begun", shown="512MiB")
    segment_age: float = option(STORED.segment_age_s, SECONDS_ABOVE_0, "its age, before the next is begun", shown="1d")
    storage_bytes_max: int = option(
        STORED.bytes_max, BYTES, "what a tenant may store; above, its oldest files are dropped", shown="2GiB"
    )
    storage_age_max: float = option(STORED.age_s_max, SECONDS, "files that are older are dropped", shown="7d")
    kept_bytes_max: int = option(
        STORED.kept_bytes_max, BYTES, "of these, for failing traces of dropped files; 0 keeps none", shown="200MiB"
    )
    kept_age_max: float = option(STORED.kept_age_s_max, SECONDS, "how long these are kept", shown="30d")
    rates_age_max: float = option(STORED.rates_age_s_max, SECONDS, "how long counts per minute are kept", shown="90d")
    free_bytes_min: int = option(
        STORED.free_bytes_min, BYTES, "with less room on the disk nothing is stored", shown="128MiB"
    )
    query_seconds_max: float = option(STORED.query_s_max, SECONDS_ABOVE_0, "a query that takes longer is stopped")
    query_rows_max: int = option(STORED.query_rows_max, AT_LEAST_ONE, "rows in one answer")
    log_format: str = option("text", choice("text", "json"), "how the server's own log is written")
    log_level: str = option("info", choice("debug", "info", "warning", "error"), "what the server's own log holds")

    @property
    def http_port_wanted(self) -> int:
        """The HTTP port to ask for."""
        if self.http_port is not None:
            return self.http_port
        return HTTP_PORT_DEFAULT if self.port else 0

    def storage(self) -> StorageLimits:
        """As storage knows them."""
        return StorageLimits(
            segment_rows=self.segment_rows,
            segment_bytes=self.segment_bytes,
            segment_age_s=self.segment_age,
            bytes_max=self.storage_bytes_max,
            age_s_max=self.storage_age_max,
            kept_bytes_max=self.kept_bytes_max,
            kept_age_s_max=self.kept_age_max,
            rates_age_s_max=self.rates_age_max,
            free_bytes_min=self.free_bytes_min,
            tenants_open_max=self.tenants_open_max,
            query_s_max=self.query_seconds_max,
            query_rows_max=self.query_rows_max,
        )

    def check(self) -> None:
        """Refuse what would be dangerous, or makes no sense together.

        Raises:
            ListenRefused: Others could reach a server that trusts everyone.
            TLSIncomplete: A certificate without its key, or a key without its certificate.
        """
        if not is_loopback(self.host) and not self.key and not self.insecure:
            raise ListenRefused(self.host)
        if (self.tls_cert is None) != (self.tls_key is None):
            raise TLSIncomplete("tls_key" if self.tls_key is None else "tls_cert")


def is_loopback(host: str) -> bool:
    """True if only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def default_data_folder(variables: Mapping[str, str]) -> Path:
    """`$XDG_STATE_HOME/mdk`, by default `~/.local/state/mdk`: what a user's programs keep and nobody else reads."""
    state = variables.get("XDG_STATE_HOME", "")
    # The XDG base directory specification: a relative path is to be ignored.
    return (Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state") / "mdk"
