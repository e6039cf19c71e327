"""Senders and words of a segment, held in memory up to a bound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mdk_runtime.core.server.origin import Origin
from mdk_runtime.storage import senders as module
from mdk_runtime.storage import words as words_module
from mdk_runtime.storage.layout import segment_path
from mdk_runtime.storage.past import NoPast
from mdk_runtime.storage.segment import Segment
from mdk_runtime.storage.senders import Senders
from mdk_runtime.storage.words import Words


@pytest.fixture
def segment(tmp_path: Path) -> Iterator[Segment]:
    """An open segment."""
    opened = Segment(segment_path(tmp_path, 1))
    yield opened
    opened.close()


def test_a_word_keeps_its_number(segment: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when too many were in memory and all are forgotten."""
    monkeypatch.setattr(words_module, "WORDS_MAX", 1)
    words = Words(segment.database)
    numbers = [words.number(text) for text in ("one", "other", "one", "\ud800")]
    assert numbers[0] == numbers[2] != numbers[1]
    words.numbers.bound()
    assert words.numbers == {}
    assert [words.number(text) for text in ("one", "other", "one", "\\ud800")] == numbers


def test_a_sender_is_what_was_written_of_it(segment: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its service and the numbers seen of it are read again after all senders were forgotten."""
    monkeypatch.setattr(module, "SENDERS_MAX", 1)
    senders = Senders(segment.database, Words(segment.database), NoPast())
    one, other = senders.of("one"), senders.of("other")
    described = senders.describe(one, Origin("cart", "1.0"))
    assert one.logs.add(7)
    assert other.calls.add(7)
    senders.write_seen([one, other])
    senders.known.bound()
    assert senders.known == {}
    again = senders.of("one")
    assert again is not one
    assert (7 in again.logs, 7 in again.calls, 7 in senders.of("other").calls) == (True, False, True)
    assert again.described == described
    assert senders.describe(again, Origin()) == described, "a service that nobody knows any more is known from before"
    assert senders.describe(again, Origin("cart", "2.0")).id != described.id
