"""Why a server does not start."""

from __future__ import annotations

from pathlib import Path

from mdk_runtime.errors import MDKError


class ServerError(MDKError):
    """The server cannot start, or could not end as it should."""


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


class CannotListen(ServerError):
    """The address is taken, or is not this machine's."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        self.host = host
        self.port = port
        self.reason = reason
        super().__init__(host, port, reason)

    def __str__(self) -> str:
        return f"cannot listen on {self.host} port {self.port}: {self.reason}; --port 0 takes any free one"


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


class NotStored(ServerError):
    """The server ended with messages that storage did not take. No client was told that they were stored."""

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(count)

    def __str__(self) -> str:
        return f"{self.count} messages could not be stored before the end; their senders still have them"
