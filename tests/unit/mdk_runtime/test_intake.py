"""Tests of mdk_runtime.intake."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import pytest

from mdk_protocol import messages
from mdk_runtime import intake as intake_module
from mdk_runtime.intake import Intake
from unit.mdk_runtime.fakes import Clock, log_lines, make_mdk, queued


def fill(intake: Intake, count: int) -> None:
    """Leave interactions, which need no session."""
    for i in range(count):
        intake.add_interaction(messages.InteractionEvent(uuid=str(i)))


def uuids(intake: Intake, limit: int = 100_000) -> list[str]:
    """Take interactions."""
    return [item.uuid for item in intake.take(limit) if not isinstance(item, tuple)]


def test_wakes_only_a_reader_that_has_left() -> None:
    """One wake-up from empty to not empty, however much is added before the reader comes."""
    wakes: list[int] = []
    intake = Intake(Clock())
    intake.attend(lambda: wakes.append(1))
    fill(intake, 3)
    assert wakes == []
    assert uuids(intake) == ["0", "1", "2"]
    fill(intake, 3)
    assert wakes == [1]
    assert uuids(intake) == ["0", "1", "2"]
    fill(intake, 1)
    assert wakes == [1, 1]


def test_a_reader_that_took_a_part_comes_back_by_itself() -> None:
    """With its limit reached, the reader is not woken: it knows that there may be more."""
    wakes: list[int] = []
    intake = Intake(Clock())
    intake.attend(lambda: wakes.append(1))
    fill(intake, 5)
    assert uuids(intake, 2) == ["0", "1"]
    fill(intake, 1)
    assert wakes == []
    assert len(intake) == 4


def test_oldest_go_and_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound the newest stay, and the count of the dropped is right to one, under threads too."""
    monkeypatch.setattr(intake_module, "COUNT_MAX", 10)
    intake = Intake(Clock())
    threads = [threading.Thread(target=fill, args=(intake, 1000)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(intake) + intake.dropped == 4000
    assert len(intake) == 10


def test_a_reader_that_reads_is_not_woken() -> None:
    """What comes while the reader takes is the reader's already: a wake-up for each batch would be one too many."""
    wakes: list[int] = []
    intake = Intake(Clock())
    intake.attend(lambda: wakes.append(1))
    fill(intake, 2)
    reading = intake.take(10)
    next(reading)
    fill(intake, 2)
    assert wakes == []
    assert len(list(reading)) == 3
    fill(intake, 1)
    assert wakes == [1]


def test_what_comes_as_the_reader_leaves() -> None:
    """An item that comes between the last look and the leaving is taken, with as many more as were asked for."""

    class Late(deque[Any]):
        """Somebody adds to it just when it was found empty."""

        late = 2

        def popleft(self) -> Any:
            try:
                return super().popleft()
            except IndexError:
                if self.late:
                    self.late -= 1
                    fill(intake, 3)
                raise

    wakes: list[int] = []
    intake = Intake(Clock())
    intake.attend(lambda: wakes.append(1))
    intake._items = Late()
    assert uuids(intake, 6) == ["0", "1", "2"] * 2
    assert wakes == []


def test_shut_takes_nothing() -> None:
    """Without a server nothing is kept."""
    intake = Intake(Clock())
    intake.shut = True
    fill(intake, 1)
    assert not intake


def test_texts_are_bounded_and_are_texts() -> None:
    """What is no text becomes one; what is too long is cut and says how long it was."""
    mdk = make_mdk()
    session = mdk.session()
    session.info("c", None)  # type: ignore[arg-type]  # originals do
    session.info(5, "x" * (intake_module.TEXT_CHARS_MAX + 1))  # type: ignore[arg-type]  # originals do
    first, second = log_lines(queued(mdk))
    assert first[2:] == ("c", "None")
    assert second[2] == "5"
    assert second[3].endswith(f"xxx... ({intake_module.TEXT_CHARS_MAX + 1} characters)")


def test_log_calls_of_the_reader_are_dropped() -> None:
    """What is logged in the reader's context does not come back to it; the application's code there may log."""
    mdk, other = make_mdk(), make_mdk()
    session = mdk.session()

    def reader() -> None:
        assert session.info("c", "dropped").causal_level == [1]
        with mdk.intake.unmuted():
            session.info("c", "kept")
        session.info("c", "dropped")
        other.session().info("c", "to another server")

    mdk.intake.muted_context().run(reader)
    session.info("c", "kept too")
    assert [line[3] for line in log_lines(queued(other))] == ["to another server"]
    assert [line[3] for line in log_lines(queued(mdk))] == ["kept", "kept too"]


def test_a_child_begins_empty() -> None:
    """After a fork nothing of the parent's is sent."""
    intake = Intake(Clock())
    intake.attend(lambda: None)
    fill(intake, 3)
    intake.empty()
    assert (len(intake), intake.dropped) == (0, 0)
