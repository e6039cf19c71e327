"""The documentation as one HTML page: diagrams of our own, search, light and dark, and nothing from elsewhere.

The page has no style attributes and no event handlers. Alone it holds its style and script itself, and says by their
hashes that nothing else may run; in pieces they are files beside it, for a server that allows only its own.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from html import escape
from pathlib import Path

from mdkgen.documents.facts import Examples, diagram_of, legal_lines
from mdkgen.documents.svg import sequence_diagram, state_diagram
from mdkgen.documents.words import actions_text, expr_text, guard_text, trigger_text
from mdkgen.model import Enum, Field, Machine, Message, Newtype, Part, Protocol, Record, Spec
from mdkgen.model_walk import alphabet
from mdkgen.output import made_from
from mdkgen.scenarios.check import play_all
from mdkgen.scenarios.played import Played

CODE = re.compile(r"`([^`]+)`")
TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")(:?)')


def render(spec: Spec, *, name: str = "protocol", alone: bool = True) -> dict[str, str]:
    """The page as `NAME.html`; its style and script beside it unless it stands alone."""
    folder = Path(__file__).parent
    style, script = ((folder / f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    if alone:
        policy = f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'"
        meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        head = f"{meta}\n<style>{style}</style>"
        return {f"{name}.html": _page(spec, head, f"<script>{script}</script>")}
    link = f'<link rel="stylesheet" href="{name}.css">'
    page = _page(spec, link, f'<script src="{name}.js"></script>')
    said = f"/* {made_from(spec.namespace)} */\n"
    return {f"{name}.html": page, f"{name}.css": said + style, f"{name}.js": said + script}


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _page(spec: Spec, head: str, script: str) -> str:
    played = play_all(spec)
    title = ", ".join(one.name for one in spec.protocols) or spec.namespace
    body = [row for one in spec.protocols for row in _protocol(spec, one, played)]
    types: list[Record | Enum | Newtype] = [*spec.records, *spec.enums, *spec.newtypes]
    if types:
        body += ['<section id="types"><h2>Types</h2>', *(_type(one) for one in types), "</section>"]
    return "\n".join(
        [
            "<!doctype html>",
            f"<!-- {made_from(spec.namespace)} -->",
            '<html lang="en"><head><meta charset="utf-8">',
            f"<title>{escape(title)} {escape(spec.version)}</title>",
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<link rel="icon" href="data:,">',
            head,
            "</head><body>",
            f"<header><strong>{escape(title)}</strong><span>{escape(spec.namespace)} {escape(spec.version)}</span>",
            '<input id="find" type="search" placeholder="Search messages, states, scenarios  /" aria-label="Search">',
            '<button id="theme" type="button">Dark</button></header>',
            '<div class="shell">',
            f'<nav aria-label="Contents">{"".join(_contents(spec))}</nav>',
            "<main>",
            *body,
            '<p class="none" id="none" hidden>Nothing has all of these words.</p>',
            "</main></div>",
            script,
            "</body></html>",
            "",
        ]
    )


def _contents(spec: Spec) -> Iterator[str]:
    for protocol in spec.protocols:
        for part in protocol.parts:
            yield f'<a class="part" href="#part-{part.name}">{escape(_title(protocol, part))}</a>'
            for message in _messages(spec, part):
                yield f'<a href="#{message.name}">{escape(message.name)}</a>'
    if spec.records or spec.enums or spec.newtypes:
        yield '<a class="part" href="#types">Types</a>'
        for name in [
            *(one.name for one in spec.records),
            *(one.name for one in spec.enums),
            *(one.name for one in spec.newtypes),
        ]:
            yield f'<a href="#{name}">{name}</a>'


def _title(protocol: Protocol, part: Part) -> str:
    return "The connection" if part is protocol.parts[0] else part.name


def _messages(spec: Spec, part: Part) -> list[Message]:
    own = alphabet(part)
    return [one for one in spec.messages if one.name in own]


def _protocol(spec: Spec, protocol: Protocol, played: Sequence[Played]) -> Iterator[str]:
    yield f"<h1>{escape(protocol.name)}</h1><p>{_doc(protocol.doc)}</p>"
    yield (
        f'<p class="quiet">The {protocol.connector} connects to the {protocol.acceptor} by WebSocket on <code>{escape(protocol.path)}</code>. '
        f"Frames are JSON objects of at most {protocol.message_bytes_max // 1024} KiB; <code>{escape(protocol.tag)}</code> names the message.</p>"
    )
    examples = Examples(spec)
    for part in protocol.parts:
        yield f'<section id="part-{part.name}"><h2>{escape(_title(protocol, part))}</h2>'
        if part.doc and part is not protocol.parts[0]:
            yield f"<p>{_doc(part.doc)}</p>"
        if part.live_in:
            yield f'<p class="quiet">Live while {escape(protocol.name)} is in {escape(" or ".join(part.live_in))}.</p>'
        yield from _facts(part)
        yield f'<div class="machines">{"".join(_machine(part, one) for one in part.machines)}</div>'
        yield _transitions(part)
        for one in played:
            if (one.scenario.protocol, one.scenario.part) == (protocol.name, part.name):
                yield _scenario(one)
        for message in _messages(spec, part):
            yield _message(protocol, message, examples)
        yield "</section>"


def _facts(part: Part) -> Iterator[str]:
    rows = [
        f"<li><code>param {one.name}</code> = <code>{escape(expr_text(one.default))}</code> {_doc(one.doc)}</li>"
        for one in part.params
    ]
    rows += [
        f"<li>Delivery <code>{one.name}</code>: {_link(one.message)} from the {one.sender}, numbered from {one.first}, "
        f"acknowledged by {_link(one.ack)} {one.ack_mode}"
        + (f"; in batches {_link(one.batch.message)} of up to {one.batch.count_max}" if one.batch else "")
        + f". Up to {one.count_max} wait.</li>"
        for one in part.deliveries
    ]
    rows += [
        f"<li>Request <code>{one.name}</code>: {_link(one.message)} from the {one.sender}, answered by {_link(one.reply)} "
        f"within <code>{escape(expr_text(one.timeout_s))}</code>.</li>"
        for one in part.requests
    ]
    if rows:
        yield f"<ul>{''.join(rows)}</ul>"


def _machine(part: Part, machine: Machine) -> str:
    words = " ".join([part.name, machine.role, *(state.name for state in machine.states)]).lower()
    title = f"{part.name}: states of the {machine.role}"
    picture = state_diagram(diagram_of(machine), title)
    return f'<div class="card" data-find="{escape(words)}"><h3>{escape(machine.role)}</h3><div class="picture" tabindex="0">{picture}</div></div>'


def _transitions(part: Part) -> str:
    rows: list[str] = []
    for machine in part.machines:
        for name, transitions in [("always", machine.always), *((one.name, one.transitions) for one in machine.states)]:
            for one in transitions:
                guard = f" when {guard_text(one)}" if one.guard is not None else ""
                then = "<br>".join(f"<code>{escape(text)}</code>" for text in actions_text(one))
                when = f"<code>{escape(trigger_text(one.trigger) + guard)}</code>"
                rows.append(f"<tr><td>{machine.role}</td><td>{escape(name)}</td><td>{when}</td><td>{then}</td></tr>")
        rows += [
            f"<tr><td>{machine.role}</td><td>{state.name}</td><td><code>{', '.join(state.ignores)}</code></td><td>ignored</td></tr>"
            for state in machine.states
            if state.ignores
        ]
    if not rows:
        return ""
    head = "<tr><th>side</th><th>state</th><th>when</th><th>then</th></tr>"
    return f'<details><summary>{len(rows)} transitions</summary><div class="scroll"><table>{head}{"".join(rows)}</table></div></details>'


def _scenario(played: Played) -> str:
    one = played.scenario
    words = " ".join([one.name, one.part, *(drawn.text for drawn in played.drawn)]).lower()
    doc = f'<p class="quiet">{_doc(one.doc)}</p>' if one.doc else ""
    picture = sequence_diagram(played)
    return f'<div class="card" data-find="{escape(words)}"><h3>{escape(one.name)}</h3>{doc}<div class="picture" tabindex="0">{picture}</div></div>'


def _message(protocol: Protocol, message: Message, examples: Examples) -> str:
    legal = "".join(f"<li>{escape(line)}</li>" for line in legal_lines(protocol, message.name))
    also = (
        f'<p class="quiet">Also read as {", ".join(f"<code>{escape(one)}</code>" for one in message.also)}.</p>'
        if message.also
        else ""
    )
    words = _words(message.name, message.wire, *message.also, message.doc, *(one.wire for one in message.fields))
    return (
        f'<article class="card" id="{message.name}" data-find="{words}"><h3><code>{message.name}</code> '
        f'<span class="quiet">as <code>{escape(message.wire)}</code></span></h3><p>{_doc(message.doc)}</p>'
        f'<ul class="legal" aria-label="Taken by">{legal}</ul>{also}<div class="sides"><div>{_fields(message.fields)}</div>'
        f'<pre tabindex="0">{_json(examples.text(message))}</pre></div></article>'
    )


def _type(one: Record | Enum | Newtype) -> str:
    if isinstance(one, Record):
        inner = _fields(one.fields)
        words = _words(one.name, one.doc, *(field.wire for field in one.fields))
    elif isinstance(one, Newtype):
        bounds = [f"at least {one.minimum}"] if one.minimum is not None else []
        bounds += [f"at most {one.maximum}"] if one.maximum is not None else []
        inner, words = f"<p><code>{one.base.name}</code> {' and '.join(bounds)}</p>", _words(one.name, one.doc)
    else:
        values = ", ".join(f"<code>{escape(member.value)}</code>" for member in one.members)
        inner = f'<p>{values}</p><p class="quiet">{"Other values are kept." if one.open else "Other values are refused."}</p>'
        words = _words(one.name, one.doc, *(member.value for member in one.members))
    return f'<article class="card" id="{one.name}" data-find="{words}"><h3><code>{one.name}</code></h3><p>{_doc(one.doc)}</p>{inner}</article>'


def _doc(text: str) -> str:
    """A doc, in which `names` are code."""
    return CODE.sub(r"<code>\1</code>", escape(text))


def _words(*texts: str) -> str:
    return escape(" ".join(texts).lower())


def _fields(fields: Sequence[Field]) -> str:
    if not fields:
        return '<p class="quiet">No fields.</p>'
    rows = "".join(
        f"<tr><td><code>{escape(one.wire)}</code></td><td>{_type_link(one)}</td><td>{_said(one)}</td></tr>"
        for one in fields
    )
    return f'<div class="scroll"><table><tr><th>field</th><th>type</th><th>presence</th></tr>{rows}</table></div>'


def _type_link(one: Field) -> str:
    return re.sub(r"\b([A-Z]\w*[a-z]\w*)\b", r'<a href="#\1">\1</a>', f"<code>{escape(str(one.type))}</code>")


def _said(one: Field) -> str:
    default = (
        ""
        if one.default is None
        else f"<code>{escape(expr_text(one.default))}</code>{', always' if one.fixed else ' if absent'}"
    )
    presence = {"required": "required", "optional": "may be absent", "default": default}[one.presence]
    secret = ", sensitive" if one.sensitive else ""
    return f"{presence}{secret}{f'. {_doc(one.doc)}' if one.doc else ''}"


def _link(name: str) -> str:
    return f'<a href="#{name}"><code>{name}</code></a>'


def _json(text: str) -> str:
    """Keys and strings of JSON in colour."""
    made: list[str] = []
    at = 0
    for token in TOKEN.finditer(text):
        kind = "key" if token[2] else "text"
        made += [escape(text[at : token.start()]), f'<span class="{kind}">{escape(token[1])}</span>{token[2]}']
        at = token.end()
    return "".join([*made, escape(text[at:])])
