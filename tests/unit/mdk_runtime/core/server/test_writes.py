"""What has to be stored, and what becomes of it."""

from __future__ import annotations

from mdk_protocol.messages import Log
from mdk_runtime.core.server.writes import Outcome
from unit.mdk_runtime.core.server.raw_clients import Network, active, expire, log


def test_a_log_is_acknowledged_when_it_is_stored() -> None:
    """Not before; each by its own number (rule 9); those known or hopeless too, or they would come for ever."""
    network = Network()
    one = network.client("s1")
    one.send(log(0), log(1), {"type": "interactionevent", "uuid": "u", "sequence": 0})
    assert one.take() == []
    assert network.woken
    assert len(network.store()) == 3
    assert one.take() == ["logack 0", "logack 1", "interactionack 0"]
    one.send(log(1))
    network.store(Outcome.KNOWN)
    one.send(log(2))
    network.store(Outcome.REJECTED)
    assert one.take() == ["logack 1", "logack 2"]
    assert dict(network.tenant.counters) == {
        "log new": 2,
        "log known": 1,
        "log rejected": 1,
        "interaction new": 1,
    }


def test_who_left_is_not_acknowledged() -> None:
    """A message that became durable after its connection ended: it comes again, and is known then."""
    network = Network()
    one = network.client("s1")
    one.send(log(0))
    one.cut()
    network.store()
    assert one.take() == []


def test_the_log_of_a_write() -> None:
    """What the shell stores is the message as it was decoded."""
    network = Network()
    one = network.client("s1")
    one.send(log(3, level="WARN"))
    (write,) = network.tenant.writes.take()
    ((message, _, forbidden),) = write.entries
    assert forbidden is None
    assert isinstance(message, Log)
    assert (message.sequence, message.level, write.connection) == (3, "WARN", one.connection)


def test_a_log_without_a_number_is_not_acknowledged() -> None:
    """There is nothing to name it by; it is stored and shown."""
    network = Network()
    one = network.client("s1")
    one.send({"type": "subscribe"}, {"type": "log", "node": "s1"})
    network.store()
    assert one.take() == ["log"]


def test_a_message_goes_to_storage_with_its_service() -> None:
    """The sender's first node says it; without nodes its `open`; an interaction brings those of its callees."""
    network = Network()
    one, other = network.client("s1"), network.client(opens=False)
    one.send(
        log(0), active("s1", version="1.2"), active("s1", "b", service="second"), log(1), {**log(2), "node": "who?"}
    )
    other.send(
        {"type": "open", "nodeId": "s2", "properties": {"service": "named", "version": "3"}},
        {"type": "interactionevent", "uuid": "u", "node": "s2", "results": {"s1": 1, "gone": 0}},
    )
    one.send(expire("s1"), log(3))
    origins = [entry.origin for write in network.tenant.writes.take() for entry in write.entries]
    assert [(origin.service, origin.version) for origin in origins] == [
        ("", ""),
        ("svc", "1.2"),
        ("", ""),
        ("named", "3"),
        ("second", "1.0"),
    ]
    assert origins[3].callees == {"s1": "svc"}
