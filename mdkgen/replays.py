"""A way to what is wrong as a pytest, which takes the generated stubs along it: red while it is wrong, green when it is mended."""

from __future__ import annotations

from mdkgen.diagnostics import Diagnostic, TraceStep
from mdkgen.model import Protocol, Spec
from mdkgen.stubs import stub_views
from mdkgen.traces import protocol_of


def as_pytest(found: Diagnostic, spec: Spec, number: int = 1) -> str:
    """The text of a test module; it wants the generated package, so it runs once the spec is mended, and keeps it so."""
    protocol = protocol_of(found.span, spec)
    stubs = {stub.role: stub for stub in stub_views(spec) if stub.protocol == protocol.name}
    connector, acceptor = stubs[protocol.connector], stubs[protocol.acceptor]
    steps = "\n".join(f"    replay.{_step(one, protocol)}" for one in found.trace)
    imports = sorted(
        [
            f"from {spec.namespace} import messages",
            f"from {spec.namespace}.{connector.module} import {connector.name}",
            f"from {spec.namespace}.{acceptor.module} import {acceptor.name}",
            "from mdkspec_runtime.testing.replay import Replay",
        ]
    )
    return (
        f'"""{found.code}, as `mdkgen verify --pytest` has written it."""\n\nfrom __future__ import annotations\n\n'
        + "\n".join(imports)
        + f"\n\n\ndef test_{found.code.lower()}_{number}() -> None:\n"
        f'    """Not so: {found.message}."""\n'
        f"    replay = Replay({connector.name}, {acceptor.name}, messages)\n{steps}\n    assert replay.offences == []\n"
    )


def _step(one: TraceStep, protocol: Protocol) -> str:
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
            return _sent(one, protocol)
        case _:  # timer, fail, end
            return f'{one.kind}("{one.role}")'


def _sent(one: TraceStep, protocol: Protocol) -> str:
    """What a side sends by itself: of a delivery or a request."""
    for part in protocol.parts:
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
