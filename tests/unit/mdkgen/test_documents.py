"""The documentation: whole, linked, without style or script of its own beside what it names, and as it was made before."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mdkgen.cli import main
from mdkgen.compiler import compile_folder, compile_texts
from mdkgen.documents.facts import END, Diagram, Edge, diagram_of, legal_lines
from mdkgen.documents.layout import plan_of
from mdkgen.documents.markdown import render as render_markdown
from mdkgen.documents.mermaid import state_diagram
from mdkgen.documents.page import render
from mdkgen.model import Spec
from mdkgen.rules import texts_of

ROOT = Path(__file__).parents[3]
FOLDERS = ("spec", "examples/chat/spec", "examples/jobs/spec")


@pytest.fixture(scope="module", params=FOLDERS)
def spec(request: pytest.FixtureRequest) -> Spec:
    """A spec of this repository."""
    made = compile_folder(ROOT / request.param).spec
    assert made is not None
    return made


class _Reader(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.attributes: set[str] = set()
        self.sources: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            self.attributes.add(name)
            self.ids += [value or ""] if name == "id" else []
            self.links |= {(value or "")[1:]} if name == "href" and (value or "").startswith("#") else set()
            self.sources += [value or ""] if name in ("src", "href") and not (value or "").startswith("#") else []
        if tag not in ("meta", "link", "input", "br", "circle", "path", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("circle", "path", "rect"):
            assert self.open.pop() == tag


def test_a_page_alone_needs_nothing_and_allows_nothing(spec: Spec) -> None:
    """Its policy names the hashes of its own style and script; no element has a style or a handler."""
    ((name, text),) = render(spec).items()
    assert name == "protocol.html"
    reader = _Reader(text)
    assert reader.open == []
    assert reader.sources == ["data:,"]
    assert {one for one in reader.attributes if one == "style" or one.startswith("on")} == set()
    for kind in ("style", "script"):
        inner = re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.S)
        assert len(inner) == 1
        assert f"{kind}-src 'sha256-{b64encode(sha256(inner[0].encode()).digest()).decode()}'" in text


def test_in_pieces_the_page_names_its_two_files(spec: Spec) -> None:
    """For a server that allows only files of its own."""
    files = render(spec, name="talk", alone=False)
    assert set(files) == {"talk.html", "talk.css", "talk.js"}
    assert _Reader(files["talk.html"]).sources == ["data:,", "talk.css", "talk.js"]
    assert "<style" not in files["talk.html"]


def test_every_link_leads_somewhere(spec: Spec) -> None:
    """To just one place each; every message, record and enum has one."""
    reader = _Reader(render(spec)["protocol.html"])
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.links - set(reader.ids) == set()
    names = {one.name for one in spec.messages} | {one.name for one in spec.records} | {one.name for one in spec.enums}
    names |= {one.name for one in spec.newtypes}
    assert names - set(reader.ids) == set()


def test_the_page_shows_every_machine_and_scenario(spec: Spec) -> None:
    """As pictures with a name for those who cannot see them."""
    text = render(spec)["protocol.html"]
    machines = sum(len(part.machines) for one in spec.protocols for part in one.parts)
    assert text.count('<svg class="states" role="img" aria-label=') == machines
    assert text.count('<svg class="sequence" role="img" aria-label=') == len(spec.scenarios)
    markdown = render_markdown(spec)
    assert markdown.count("stateDiagram-v2") == machines
    assert markdown.count("sequenceDiagram") == len(spec.scenarios)
    assert markdown.count("```json") == len(spec.messages)


def test_states_do_not_lie_on_one_another(spec: Spec) -> None:
    """Nor outside of the picture."""
    for protocol in spec.protocols:
        for machine in (machine for part in protocol.parts for machine in part.machines):
            plan = plan_of(diagram_of(machine))
            for number, one in enumerate(plan.boxes):
                assert one.x >= 0
                assert one.x + one.width <= plan.width
                assert one.y + one.height <= plan.height
                for two in plan.boxes[number + 1 :]:
                    apart = one.x + one.width <= two.x or two.x + two.width <= one.x
                    assert apart or one.y + one.height <= two.y or two.y + two.height <= one.y
            assert len(plan.ways) == len(diagram_of(machine).edges)


def test_a_diagram_has_loops_ways_back_and_states_that_nothing_leads_to() -> None:
    """All of which run beside it."""
    edges = (Edge("A", "B", ("x",)), Edge("B", "A", ("y",)), Edge("B", "B", ("z",)), Edge("A", END, ("end",)))
    plan = plan_of(Diagram((("A", ()), ("B", ("inside",)), ("Lost", ())), "A", edges))
    assert [box.name for box in plan.boxes] == ["A", "B", "Lost", END]
    assert [len(way.points) for way in plan.ways] == [2, 4, 4, 4]


def test_legal_states_of_a_message() -> None:
    """Taken, ignored, or taken by the engine; of a side that never gets it nothing is said."""
    roles = """role server { start state Up { recv Ping -> send Pong(), goto Done }  state Done { after 1s -> hangup  ignore Ping } }
"""
    made = compile_texts(texts_of(roles)).spec
    assert made is not None
    (protocol,) = made.protocols
    assert list(legal_lines(protocol, "Ping")) == ["server: in Up; ignored in Done"]
    assert list(legal_lines(protocol, "Pong")) == ["client: in Up"]
    ours = compile_folder(ROOT / "spec").spec
    assert ours is not None
    lines = list(legal_lines(ours.protocols[0], "LogAck"))
    assert lines == ["client: by the delivery logs"]
    assert state_diagram(diagram_of(protocol.parts[0].machine("server"))) == (
        "stateDiagram-v2\n  [*] --> Up\n  state Done\n  Up --> Done: recv Ping / Pong\n  Done --> [*]: after 1s\n"
    )


def test_docs_are_written_once_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same bytes again; a change is found, and only what is asked for is written."""
    chat, out = str(ROOT / "examples/chat/spec"), str(tmp_path / "out")
    assert main(["docs", chat, out, "--name", "chat"]) == 0
    assert main(["docs", chat, out, "--name", "chat"]) == 0
    assert capsys.readouterr().out == f"{out}: 2 files, 2 changed\n{out}: 2 files, 0 changed\n"
    assert main(["docs", chat, out, "--name", "chat", "--check"]) == 0
    (tmp_path / "out/chat.md").write_text("old")
    assert main(["docs", chat, out, "--name", "chat", "--check"]) == 1
    assert capsys.readouterr().out == f"{tmp_path / 'out/chat.md'}: differs\n"
    assert main(["docs", chat, out, "--only", "html", "--pieces"]) == 0
    assert {one.name for one in (tmp_path / "out").iterdir()} == {
        *("chat.md", "chat.html", "protocol.html", "protocol.css", "protocol.js"),
    }
