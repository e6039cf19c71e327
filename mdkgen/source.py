"""The files of a spec folder."""

from __future__ import annotations

from pathlib import Path

SUFFIX = ".mdkspec"


class NoSpecError(Exception):
    """There is nothing in the folder that could be compiled."""

    def __init__(self, folder: Path, reason: str) -> None:
        self.folder = folder
        self.reason = reason
        super().__init__(f"{folder}: {reason}")


class ConfigurationError(Exception):
    """The project's configuration, or an option, says something that cannot be done."""


def read_folder(folder: Path) -> dict[str, str]:
    """The texts of a spec folder by file name, sorted, without byte order marks.

    Raises:
        NoSpecError: The folder does not exist, holds no spec, or one of its files cannot be read.
    """
    return {path.name: _text_of(path, folder) for path in spec_files(folder)}


def _text_of(path: Path, folder: Path) -> str:
    return as_lines(read_file(path, folder))


def as_lines(text: str) -> str:
    """With the line ends that the compiler knows."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_file(path: Path, folder: Path) -> str:
    """The text of one file, with the line ends that it has; NoSpecError if it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NoSpecError(folder, f"{path.name} is not UTF-8: byte {error.start}, {error.reason}") from error
    except OSError as error:
        raise NoSpecError(folder, f"{error.filename} cannot be read: {error.strerror}") from error


def spec_files(folder: Path) -> list[Path]:
    """The files of a spec folder, sorted; NoSpecError if there are none."""
    if folder.is_file():
        raise NoSpecError(folder, f"a file; give the folder that holds it: {folder.parent}")
    if not folder.is_dir():
        raise NoSpecError(folder, "no such folder; give the folder that holds the .mdkspec files")
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    if not paths:
        raise NoSpecError(folder, f"no {SUFFIX} file in it")
    return paths
