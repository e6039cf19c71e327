"""A way to what is wrong as a pytest, which takes the generated stubs along it: red while it is wrong, green when it is mended."""

from __future__ import annotations

from collections.abc import Iterator

from mdkgen.diagnostics import Diagnostic, TraceStep
from mdkgen.model import Spec
from mdkgen.stubs import stub_views


def as_pytest(found: Diagnostic, spec: Spec, number: int = 1) -> str:
    """The text of a test module; it wants the generated package, so it runs once the spec is mended, and keeps it so."""
    protocol = spec.protocols[0]
    stubs = {stub.module: stub.name for stub in stub_views(spec)}
    connector, acceptor = stubs[protocol.connector], stubs[protocol.acceptor]
    steps = "\n".join(f"    {one}" for one in _steps(found, spec))
    imports = sorted(
        [
            f"from {spec.namespace} import messages",
            f"from {spec.namespace}.{protocol.connector} import {connector}",
            f"from {spec.namespace}.{protocol.acceptor} import {acceptor}",
            "from mdkspec_runtime.testing.replay import Replay",
        ]
    )
    return (
        f'"""{found.code}, as `mdkgen verify --pytest` has written it."""\n\nfrom __future__ import annotations\n\n'
        + "\n".join(imports)
        + f"\n\n\ndef test_{found.code.lower()}_{number}() -> None:\n"
        f'    """Not so: {found.message}."""\n'
        f"    replay = Replay({connector}, {acceptor}, messages)\n{steps}\n    assert replay.offences == []\n"
    )


def _steps(found: Diagnostic, spec: Spec) -> Iterator[str]:
    for one in found.trace:
        yield f"replay.{_step(one, spec)}"


def _step(one: TraceStep, spec: Spec) -> str:
    match one.kind:
        case "connect":
            return "connect()"
        case "lost":
            return "cut()"
        case "receive" | "late" | "unknown":
            return f'receive("{one.role}", "{one.name}")'
        case "call":
            return f'call("{one.role}", "{one.name}")'
        case "send":
            return _sent(one, spec)
        case _:  # timer, fail, end
            return f'{one.kind}("{one.role}")'


def _sent(one: TraceStep, spec: Spec) -> str:
    """What a side sends by itself: of a delivery or a request."""
    for part in spec.protocols[0].parts:
        for delivery in part.deliveries:
            if one.name in delivery.packets:
                return f'deliver("{one.role}", "{delivery.name}", "{delivery.message}")'
            if one.name in delivery.acks:
                return f'acknowledge("{one.role}", "{delivery.name}")'
        for request in part.requests:
            if one.name == request.message:
                return f'request("{one.role}", "{request.name}", "{request.message}")'
            if one.name == request.reply:
                return f'reply("{one.role}", "{request.name}", "{request.message}", "{request.reply}")'
    raise AssertionError(f"no part sends {one.name}")
