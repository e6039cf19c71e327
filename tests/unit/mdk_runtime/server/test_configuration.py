"""Flags, variables and the file: one declaration, one precedence, and errors that say where and what."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from mdk_runtime.server.configuration import (
    Configuration,
    add_server_arguments,
    as_table,
    as_toml,
    options,
    read_configuration,
)
from mdk_runtime.server.options import FLAG, BadSetting, UnreadableConfiguration
from mdk_runtime.server.settings import Settings
from mdk_runtime.storage.limits import StorageLimits

ROOT = Path(__file__).parents[4]


def read(*flags: str, variables: Mapping[str, str] | None = None, file: Path | None = None) -> Configuration:
    """As `mdk server` reads them."""
    parser = argparse.ArgumentParser()
    add_server_arguments(parser)
    return read_configuration(parser.parse_args([*flags, *(["--config", str(file)] if file else [])]), variables or {})


def written(folder: Path, text: str) -> Path:
    """A configuration file."""
    path = folder / "mdk.toml"
    path.write_text(text)
    return path


def test_flag_over_variable_over_file_over_default(tmp_path: Path) -> None:
    """One precedence, for each setting by itself."""
    file = written(tmp_path, "port = 1\ngrace = 1.5\nhost = 'file'\n")
    found = read("--port", "3", variables={"MDK_SERVER_PORT": "2", "MDK_SERVER_HOST": "variable"}, file=file)
    assert (found.settings.port, found.settings.host, found.settings.grace) == (3, "variable", 1.5)
    assert found.settings.tenants_max == Settings().tenants_max
    assert found.sources == {"port": "--port", "host": "MDK_SERVER_HOST", "grace": f"{file}:2"}


def test_a_flag_takes_back_what_a_file_sets(tmp_path: Path) -> None:
    """`--no-insecure` beats `insecure = true`; a variable that is empty is not set."""
    file = written(tmp_path, "insecure = true\nhttp = false\n")
    found = read("--no-insecure", variables={"MDK_SERVER_HTTP": ""}, file=file)
    assert (found.settings.insecure, found.settings.http) == (False, False)


EXAMPLES = {
    "HOST": ("a.b", "'a.b'"),
    "ADDRESS": ("10.0.0.0/8", "'10.0.0.0/8'"),
    "PORT": ("80", "80"),
    "PATH": ("/x/y", "'/x/y'"),
    "N": ("7", "7"),
    "BYTES": ("512KiB", "'512KiB'"),
    "SECONDS": ("15m", "'15m'"),
    "text|json": ("json", "'json'"),
    "debug|info|warning|error": ("error", "'error'"),
    "": ("true", "true"),
}


@pytest.mark.parametrize("name", list(options()))
def test_every_setting_is_read_from_all_three(name: str, tmp_path: Path) -> None:
    """With the same value from each, and one that is not the default; `--help` and the table name it."""
    text, in_file = EXAMPLES[options()[name].kind.metavar]
    if getattr(Settings(), name) is True:
        text = in_file = "false"
    flag, variable = f"--{name.replace('_', '-')}", f"MDK_SERVER_{name.upper()}"
    if options()[name].kind is FLAG:
        by_flag = read(flag if text == "true" else flag.replace("--", "--no-"))
    else:
        by_flag = read(flag, text)
    by_variable = read(variables={variable: text})
    by_file = read(file=written(tmp_path, f"{name} = {in_file}\n"))
    assert by_flag.settings == by_variable.settings == by_file.settings != Settings()
    assert by_flag.sources == {name: flag if text != "false" else flag.replace("--", "--no-")}
    assert by_variable.sources == {name: variable}
    assert f"`{variable}`" in as_table()
    assert flag in as_table()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = 70000", ":1: port is 70000; expected a number from 0 to 65535"),
        ("\n\nport = true", ":3: port is True; expected a number from 0 to 65535"),
        ("port = '80'", ":1: port is '80'; expected a number from 0 to 65535"),
        ("grace = -1", ":1: grace is -1; expected seconds, 0 or more, such as 2, 0.5, 15m, 12h or 30d"),
        ("grace = nan", ":1: grace is nan; expected seconds"),
        ("grace = false", ":1: grace is False; expected seconds"),
        ("message_bytes_max = '2 MB'", ":1: message_bytes_max is '2 MB'; expected a number of bytes such as 65536"),
        ("message_bytes_max = '0.3KiB'", "message_bytes_max is '0.3KiB'; expected a number of bytes"),
        ("log_format = 'xml'", ":1: log_format is 'xml'; expected one of text, json"),
        ("insecure = 1", ":1: insecure is 1; expected true or false"),
        ("key = [1]", ":1: key is [1]; expected paths"),
        ("key = ''", ":1: key is ''; expected paths"),
        ("key = [1, '']", ":1: key is [1, '']; expected paths"),
        ("host = 1", ":1: host is 1; expected an address or the name of a host"),
        ("host = ''", ":1: host is ''; expected an address or the name of a host"),
        (
            "allowed_host = 'http://x'",
            ":1: allowed_host is 'http://x'; expected names of hosts without a scheme or a port",
        ),
        (
            "trusted_proxy = ['10.0.0.1/8']",
            ":1: trusted_proxy is ['10.0.0.1/8']; expected addresses or networks such as 10.0.0.1, 10.0.0.0/8 or fd00::/8, "
            "with commas between",
        ),
        ("allowed_host = ['x:80']", ":1: allowed_host is ['x:80']; expected names of hosts without a scheme or a port"),
        ("query_seconds_max = 0", ":1: query_seconds_max is 0; expected seconds, more than 0, such as 2, 0.5, 15m"),
        ("segment_age = '0d'", ":1: segment_age is '0d'; expected seconds, more than 0"),
        ("connections_max = 0", ":1: connections_max is 0; expected a whole number, 1 or more"),
        ("# port\nprot = 1", ":2: prot is no setting of the server; did you mean port?"),
        ("\n[tls]\ncert = 'x'", ":2: tls is no setting of the server; "),
        ("zzzzzz = 1", ":1: zzzzzz is no setting of the server; known are host, port"),
    ],
)
def test_what_a_file_says_wrong(text: str, said: str, tmp_path: Path) -> None:
    """File, line and key; what was expected, or meant."""
    file = written(tmp_path, text)
    with pytest.raises(BadSetting) as caught:
        read(file=file)
    assert str(caught.value).startswith(f"{file}{said}" if said.startswith(":") else f"{file}:1: {said}")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"port = = 1", "(at line 1, column 8)"),
        (b"host = '\xff'", "can't decode byte 0xff"),
        (b"# " + b"x" * 2_000_000, "it is larger than 1048576 bytes"),
    ],
)
def test_what_is_no_toml(content: bytes, said: str, tmp_path: Path) -> None:
    """Said with its place, and no traceback."""
    file = tmp_path / "mdk.toml"
    file.write_bytes(content)
    with pytest.raises(UnreadableConfiguration, match=re.escape(said)):
        read(file=file)
    with pytest.raises(UnreadableConfiguration, match="No such file or directory"):
        read(file=tmp_path / "none")


def test_wrong_variables_and_flags() -> None:
    """Named as the user wrote them."""
    for flags, variables, said in (
        (("--port", "x"), {}, "--port is 'x'; expected a number from 0 to 65535"),
        (("--grace", "1 week"), {}, "--grace is '1 week'; expected seconds"),
        (("--key", ""), {}, "--key is ''; expected paths, with commas between"),
        (("--key", " , "), {}, "--key is ' , '; expected paths, with commas between"),
        ((), {"MDK_SERVER_PORT": "-1"}, "MDK_SERVER_PORT is '-1'; expected a number from 0 to 65535"),
        ((), {"MDK_SERVER_HTTP": "maybe"}, "MDK_SERVER_HTTP is 'maybe'; expected true or false"),
        ((), {"MDK_SERVER_PROT": "1"}, "MDK_SERVER_PROT is no setting of the server; did you mean MDK_SERVER_PORT?"),
    ):
        with pytest.raises(BadSetting) as caught:
            read(*flags, variables=variables)
        assert str(caught.value).startswith(said)


def test_variables_that_are_not_the_servers() -> None:
    """The client's, and those that Kubernetes sets where a service is called mdk-server."""
    variables = {
        "MDK_SERVER_URL": "ws://elsewhere/rtp",
        "MDK_SERVER_PORT": "tcp://10.0.0.1:8765",
        "MDK_SERVER_SERVICE_HOST": "10.0.0.1",
        "MDK_SERVER_SERVICE_PORT": "8765",
        "MDK_SERVER_SERVICE_PORT_HTTP": "8080",
        "MDK_SERVER_PORT_8765_TCP": "tcp://10.0.0.1:8765",
        "MDK_SERVER_PORT_8765_TCP_ADDR": "10.0.0.1",
    }
    assert read(variables=variables) == Configuration(Settings(), {})


def test_paths_of_a_file_are_seen_from_its_folder(tmp_path: Path) -> None:
    """Wherever the server is started; those of flags from where it is started."""
    file = written(tmp_path, "data = 'state'\nkey = ['a', '/b']\n")
    settings = read(variables={"MDK_SERVER_CONFIG": str(file)}).settings
    assert (settings.data, settings.key) == (tmp_path / "state", (tmp_path / "a", Path("/b")))
    assert read("--key", "a,b", "--key", "c").settings.key == (Path("a"), Path("b"), Path("c"))


def test_what_is_printed_can_be_read_again(tmp_path: Path) -> None:
    """`--print-config` shows every setting with its source, as a file that sets the same."""
    found = read(
        "--ready-file",
        '/a"\\\n\x7fü',
        "--key",
        "/a,/b",
        "--data",
        "/d",
        "--no-http",
        variables={"MDK_SERVER_GRACE": "1h"},
    )
    text = as_toml(found)
    assert "grace = 3600.0  # MDK_SERVER_GRACE\n" in text
    assert "# tls_cert =  # not set\n" in text
    assert "port = 8765  # default\n" in text
    again = read(file=written(tmp_path, text))
    assert again.settings == found.settings
    assert all(f"\n{one.name} = " in f"\n{text}" or f"\n# {one.name} = " in text for one in fields(Settings))


def test_the_http_port_follows() -> None:
    """A free port for the protocol means a free one for HTTP, unless told otherwise."""
    given = [Settings(), Settings(port=0), Settings(port=0, http_port=9), Settings(port=1)]
    assert [settings.http_port_wanted for settings in given] == [8080, 0, 9, 8080]


def test_the_operators_table_is_the_declaration() -> None:
    """docs/operations.md holds the table that the settings make."""
    assert f"\n{as_table()}\n" in (ROOT / "docs" / "operations.md").read_text()


def test_storage_is_told_what_is_set() -> None:
    """Each setting that has a limit of storage as its default is that limit."""
    names = {"query_seconds_max": "query_s_max"} | {f"segment_{one}": f"segment_{one}" for one in ("rows", "bytes")}
    names |= {"segment_age": "segment_age_s", "storage_bytes_max": "bytes_max", "storage_age_max": "age_s_max"}
    names |= {"kept_bytes_max": "kept_bytes_max", "kept_age_max": "kept_age_s_max", "rates_age_max": "rates_age_s_max"}
    names |= {one: one for one in ("free_bytes_min", "query_rows_max", "tenants_open_max")}
    values: dict[str, Any] = {name: number for number, name in enumerate(names, 1000)}
    storage = replace(Settings(), **values).storage()
    assert {name: getattr(storage, limit) for name, limit in names.items()} == values
    assert Settings().storage() == StorageLimits()
