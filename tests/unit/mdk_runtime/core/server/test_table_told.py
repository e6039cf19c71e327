"""How a tenant tells its table to clients of ours: by need, merged, and from where they left off."""

from __future__ import annotations

from unit.mdk_runtime.core.server.networks import GRACE_S, MERGE_S, TTL_S, Client, Network, position, short


def test_a_client_is_told_what_it_follows_and_nothing_else() -> None:
    """No table before `follow`; then the table of these services, and their changes; a second `follow` adds."""
    network = Network()
    service, client = Client(network, "s1"), Client(network)
    service.register("s1", "a", "one")
    network.move(1)
    assert client.take() == []
    assert client.follow(["one"]) == ["begin one", "+a", "end @1"]
    service.register("s1", "b", "two")
    network.move(1)
    assert client.take() == []
    assert client.follow(["two"]) == ["begin two", "+b", "end @2"]
    service.register("s1", "c", "one")
    network.move(1)
    assert client.take() == ["+c -a @4"]
    assert client.follow() == ["begin", "+b +c", "end @4"]


def test_an_original_is_told_change_by_change_and_sees_nothing_new() -> None:
    """`active` and `expire` as ever; that a node is suspect is not said."""
    network = Network()
    original, service = Client(network, is_ours=False), Client(network, "s1")
    service.register("s1", "a")
    service.register("s1", "b")
    service.register("s1", "c", "two")
    network.move(1)
    assert original.take() == ["active a", "active b", "active c"]
    service.cut()
    network.move(GRACE_S)
    assert original.take() == ["expire b", "expire c"]


def test_an_original_that_was_away_is_told_what_is_gone() -> None:
    """It keeps what it knows until that is expired: under every id by which an address was known, and nothing else."""
    network = Network()
    first, second = Client(network, "s1"), Client(network, "s2")
    first.register("s1", "a")
    first.register("s1", "m", "moves")
    first.register("s1", "stays", "two")
    original = Client(network, "o", is_ours=False)
    network.move(1)
    original.cut()
    second.register("s2", "a")
    for sender, address, service in (("s1", "a", "svc"), ("s2", "a", "svc")):
        node = {"id": sender, "service": service, "version": "1.0", "address": address}
        first.send({"type": "expire", "node": node})
    first.register("s1", "n", "moves")
    network.move(1)
    back, other = Client(network, "o", is_ours=False, takes=False), Client(network, "o2", is_ours=False)
    network.move(1)
    back.take_frames()
    table, told = back.frames[:3], back.frames[3:]
    assert [short(frame) for frame in table] == ["open", "active n", "active stays"]
    assert [(short(frame), frame["node"]["id"]) for frame in told] == [
        ("expire a", "s1"),
        ("expire a", "s2"),
        ("expire m", "s1"),
        ("active n", "s1"),
    ]
    assert other.take() == []
    assert Client(network, "o", is_ours=False, takes=False).take() == ["open", "active n", "active stays"]


def test_an_original_that_was_away_with_the_server_is_told_what_is_gone() -> None:
    """What went before the server ended, and what lapses after it is back; nobody else is told, and not twice."""
    network = Network()
    service, original = Client(network, "s1"), Client(network, "o", is_ours=False)
    for number, address in enumerate("abc"):
        service.register(f"s{number}", address)
    network.move(1)
    original.cut()
    service.send({"type": "expire", "node": {"id": "s0", "service": "svc", "version": "1.0", "address": "a"}})
    network.move(1)
    tenant = network.tenant
    again = Network(epoch="f", warm_until=1000.0)
    again.tenant.restore(tenant.registry.records(), tenant.audience.past(), now=again.now)
    again.move(TTL_S + 1)
    back, other = (Client(again, name, is_ours=False, takes=False) for name in ("o", "o2"))
    again.move(1)
    assert sorted(back.take()) == ["expire a", "expire b", "expire c", "open"]
    assert other.take() == ["open"]
    back.cut()
    third = Network(epoch="g")
    third.tenant.restore([], again.tenant.audience.past(), now=third.now)
    assert sorted(Client(third, "o2", is_ours=False, takes=False).take()) == [
        "expire a",
        "expire b",
        "expire c",
        "open",
    ]
    assert Client(third, "o3", is_ours=False, takes=False).take() == ["open"]


def test_an_address_is_expired_under_every_name_also_after_a_restart() -> None:
    """An original that read the table before a worker took over from another knows the address by the first."""
    network = Network()
    service = Client(network, "s1")
    service.register("s1", "a")
    network.move(1)
    Client(network, "o", is_ours=False).cut()
    service.register("s2", "a")
    service.send({"type": "expire", "node": {"id": "s1", "service": "svc", "version": "1.0", "address": "a"}})
    network.move(1)
    again = Network(epoch="f")
    again.tenant.restore(network.tenant.registry.records(), network.tenant.audience.past(), now=again.now)
    again.move(TTL_S + 1)
    back = Client(again, "o", is_ours=False, takes=False)
    again.move(1)
    back.take_frames()
    assert [frame["node"]["id"] for frame in back.frames if frame["type"] == "expire"] == ["s1", "s2"]


def test_the_first_change_is_told_at_once_and_what_follows_is_merged() -> None:
    """Within 20 ms: each address once, as it is at the end."""
    network = Network()
    service, client = Client(network, "s1"), Client(network)
    client.follow()
    service.register("s1", "a")
    assert client.take() == ["+a @1"]
    service.register("s1", "b")
    service.register("s1", "c")
    service.register("s2", "d")
    assert client.take() == []
    network.move(MERGE_S)
    assert client.take() == ["+c +d -a -b @6"]
    network.move(1)
    service.register("s2", "e")
    assert client.take() == ["+e -d @8"]


def test_a_short_cut_costs_what_changed_meanwhile() -> None:
    """(epoch, sequence): nothing if nothing changed, else each address once; of the services that were followed."""
    network = Network()
    service, client = Client(network, "s1"), Client(network)
    service.register("s1", "a")
    service.register("s2", "b", "two")
    network.move(1)
    assert client.follow(["svc"]) == ["begin svc", "+a", "end @2"]
    client.cut()
    client = Client(network)
    assert client.follow(["svc"], position(2)) == ["end @2"]
    client.cut()
    service.register("s2", "c", "two")
    service.register("s3", "d")
    service.register("s3", "e")
    network.move(1)
    client = Client(network)
    assert client.follow(["svc"], position(2)) == ["+e -d @7", "end @7"]
    assert Client(network).follow(None, position(5, "another")) == ["begin", "+a +c +e", "end @7"]
    assert Client(network).follow(None, position(99)) == ["begin", "+a +c +e", "end @7"]


def test_a_position_does_not_pass_over_what_is_gathered() -> None:
    """One that asks for more while a change waits to be told, and is cut, is told that change when it comes back."""
    network = Network()
    service, client = Client(network, "s1"), Client(network)
    client.follow(["svc"])
    service.register("s1", "a")
    service.register("s2", "b")
    assert client.take() == ["+a @1"]
    assert client.follow(["two"]) == ["begin two", "end @1"]
    client.cut()
    assert Client(network).follow(["svc", "two"], position(1)) == ["+b @1", "end @1"]


def test_a_change_is_encoded_once_for_all_that_follow_the_same() -> None:
    """The very same bytes go to each; and an original's message is encoded once for all originals."""
    network = Network()
    service = Client(network, "s1")
    ours, originals = [Client(network) for _ in range(3)], [Client(network, is_ours=False) for _ in range(3)]
    for client in ours:
        client.follow()
    service.register("s1", "a")
    for group in (ours, originals):
        frames = [client.connection.endpoint.take_output() for client in group]
        assert len(frames[0]) == 1
        assert all(one[0] is frames[0][0] for one in frames)
    again = [Client(network) for _ in range(2)]
    for client in again:
        client.send({"type": "follow"})
    tables = [client.connection.endpoint.take_output() for client in again]
    assert tables[0][1] is tables[1][1]
