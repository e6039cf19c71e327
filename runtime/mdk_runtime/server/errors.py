"""Why a server does not start."""

from __future__ import annotations

from pathlib import Path

from mdk_runtime.errors import MDKError


class ServerError(MDKError):
    """The server cannot start, or a command that belongs to it did not work."""


class ListenRefused(ServerError):
    """Without keys the server trusts whoever can reach it, so it is not reachable from elsewhere unless told to be."""

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(host)

    def __str__(self) -> str:
        return (
            f"--host {self.host} can be reached from other machines, and without keys any token is let in; "
            "listen on 127.0.0.1, give --key, or say --insecure if the network is trusted"
        )


class TLSIncomplete(ServerError):
    """TLS wants a certificate and its key."""

    def __init__(self, missing: str) -> None:
        self.missing = missing
        """The setting that is missing."""
        super().__init__(missing)

    def __str__(self) -> str:
        return f"TLS wants a certificate and its key; --{self.missing.replace('_', '-')} is missing"


class BadCertificate(ServerError):
    """The certificate or its key cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(path, reason)

    def __str__(self) -> str:
        return f"the certificate {self.path} cannot be used: {self.reason}"


class BadKey(ServerError):
    """A key for tokens cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(path, reason)

    def __str__(self) -> str:
        return f"the key {self.path} cannot be used: {self.reason}"


class PackagesMissing(ServerError):
    """A part of the server stands on packages that are not installed."""

    def __init__(self, wanted_by: str, *, without: str = "") -> None:
        self.wanted_by = wanted_by
        self.without = without
        """How to do without that part."""
        super().__init__(wanted_by, without)

    def __str__(self) -> str:
        other = f", or say {self.without}" if self.without else ""
        return f'{self.wanted_by} needs packages that are not installed: pip install "mdk[server]"{other}'


class TokenRefused(ServerError):
    """A token does not let its bearer in."""

    def __init__(self, error: str, detail: str) -> None:
        self.error = error
        """A word for programs."""
        self.detail = detail
        """For people. The bearer is told both, so they must not help to guess."""
        super().__init__(error, detail)

    def __str__(self) -> str:
        return f"{self.error}: {self.detail}"


class CannotListen(ServerError):
    """The address is taken, or is not this machine's."""

    def __init__(self, host: str, port: int, reason: str, *, flag: str = "--port", is_host: bool = False) -> None:
        self.host = host
        self.port = port
        self.reason = reason
        self.flag = flag
        """What names the port."""
        self.is_host = is_host
        """True: it is the host that cannot be."""
        super().__init__(host, port, reason)

    def __str__(self) -> str:
        right = f"{self.flag} names another one, 0 any free one"
        if self.is_host:
            right = "--host names an address of this machine, 0.0.0.0 or :: all that it has"
        return f"cannot listen on {self.host} port {self.port}: {self.reason}; {right}"


class DataFolderUnusable(ServerError):
    """The data folder cannot be written, or another server writes it."""

    def __init__(self, folder: Path, reason: str) -> None:
        self.folder = folder
        self.reason = reason
        super().__init__(folder, reason)

    def __str__(self) -> str:
        return f"the data folder {self.folder} cannot be used: {self.reason}; --data names another one"


class ReadyFileUnusable(ServerError):
    """The ready file cannot be written."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(path, reason)

    def __str__(self) -> str:
        return f"the ready file {self.path} cannot be written: {self.reason}"


class BackupFailed(ServerError):
    """A backup could not be read or written. Nothing has the name that it was to have."""

    def __init__(self, destination: Path, reason: str) -> None:
        self.destination = destination
        self.reason = reason
        super().__init__(destination, reason)

    def __str__(self) -> str:
        return f"the backup {self.destination} was not made: {self.reason}"
