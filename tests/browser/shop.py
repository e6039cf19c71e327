"""A shop as users see it in Mission Control: real clients of several services that call one another, log, and fail.

Tests of the console and its screenshots use the same one. Each node is an MDK of its own; what it "does" takes milliseconds.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from mdk_runtime.client import MDK
from mdk_runtime.config import Config
from mdk_runtime.core.client.breaker import BreakerSettings
from mdk_runtime.core.client.environments import Environment
from mdk_runtime.core.client.nodes import Node
from mdk_runtime.errors import ResolveTimeout
from mdk_runtime.session import Session


class Instance(NamedTuple):
    """One node of the shop."""

    service: str
    version: str
    address: str


INSTANCES = (
    Instance("gateway", "3.2.0", "http://10.0.1.11:8000"),
    Instance("gateway", "3.2.0", "http://10.0.1.12:8000"),
    Instance("orders", "2.7.1", "http://10.0.2.21:8100"),
    Instance("orders", "2.7.1", "http://10.0.2.22:8100"),
    Instance("cart", "1.9.0", "http://10.0.3.31:8200"),
    Instance("cart", "1.10.0", "http://10.0.3.32:8200"),
    Instance("payments", "4.0.2", "http://10.0.4.41:8300"),
    Instance("payments", "4.1.0", "http://10.0.4.42:8300"),
    Instance("inventory", "1.4.3", "http://10.0.5.51:8400"),
    Instance("mail", "0.8.0", "http://10.0.6.61:8500"),
)
BAD_CART = "1.10.0"
"""The deploy that went wrong: it fails a third of its calls."""
BAD_PAYMENTS = "4.1.0"
"""Fails every call, so that breakers open."""
RETRY_AFTER_S = 20.0
"""So often an open breaker lets one call through."""
DEPLOYED_MINUTES_AGO = 17
USERS = ("ada", "grace", "edsger", "barbara", "donald")


class CallFailed(Exception):
    """A node of the shop failed."""


class Shop:
    """All its processes, in this one.

    Args:
        url: The server's.
        environment: Of every node.
        seed: Of what is random.
    """

    def __init__(self, url: str, *, environment: str = "production", seed: int = 1, token: str | None = None) -> None:
        self._random = random.Random(seed)
        self._config = Config(
            server_url=url,
            token=token,
            environment=Environment(environment),
            breaker=BreakerSettings(failures=4, retry_after_s=RETRY_AFTER_S),
        )
        self._behind_s = 0.0
        """How much the clock of all nodes is behind."""
        self._is_deployed = True
        """False: the deploys that go wrong have not gone wrong yet."""
        self.nodes: dict[str, MDK] = {}
        for one in INSTANCES:
            self.start(one)

    def start(self, one: Instance) -> MDK:
        """One more node."""
        m = MDK(self._config, wall=lambda: time.time() - self._behind_s).start()
        m.register(one.service, one.version, one.address)
        self.nodes[one.address] = m
        return m

    def stop_node(self, address: str) -> None:
        """A node that says goodbye."""
        self.nodes.pop(address).stop()

    def stop(self) -> None:
        """All of them, side by side."""
        ends = [m.begin_farewell() for m in self.nodes.values()]
        for end in ends:
            end(2.0)

    def wait_until_whole(self, within_s: float = 60.0) -> None:
        """Until every node knows every service."""
        for m in self.nodes.values():
            session = m.session()
            for service in {one.service for one in INSTANCES}:
                session.resolve_until(service, None, within_s)

    def past(self, minutes: int) -> None:
        """An afternoon that has been: some customers for every minute, the deploys somewhere in it."""
        for ago in range(minutes, 0, -1):
            self._is_deployed = ago <= DEPLOYED_MINUTES_AGO
            customers = round(14 + 5 * math.sin(ago / 7) + self._random.uniform(-2, 2))
            for _ in range(customers):
                self._behind_s = (ago - self._random.random()) * 60
                self.visit()
        self._behind_s, self._is_deployed = 0.0, True

    # What the shop does.

    def visit(self) -> str:
        """One customer; the trace's id."""
        return self.checkout() if self._random.random() < 0.4 else self.browse()

    def browse(self) -> str:
        """Look into a cart; the trace's id."""
        session = self._enter("GET /cart")
        if self._call(session, "cart", self._cart):
            return session.info("http", "200 GET /cart").trace_id
        return session.error("http", "502 GET /cart: cart failed").trace_id

    def checkout(self) -> str:
        """Buy what is in it; fails if payments do."""
        return self._check_out()[0]

    def _check_out(self) -> tuple[str, bool]:
        session = self._enter("POST /checkout")
        worked = self._call(session, "orders", self._order)
        if worked:
            logged = session.info("http", "201 POST /checkout")
        else:
            logged = session.error("http", "502 POST /checkout: orders failed")
        return logged.trace_id, worked

    def failed_checkout(self, tries: int = 500) -> str:
        """Check out until it fails; the trace's id."""
        for _ in range(tries):
            trace, worked = self._check_out()
            if not worked:
                return trace
        raise AssertionError(f"{tries} customers were served")

    def _enter(self, what: str) -> Session:
        gateways = [m for address, m in self.nodes.items() if ":8000" in address]
        m = self._random.choice(gateways)
        session = m.session()
        session.set_deadline(5.0)
        session.set_property("user", self._random.choice(USERS))
        session.info("http", f"{what} from 203.0.113.{self._random.randint(2, 250)}")
        return session

    def _order(self, session: Session, node: Node) -> None:
        number = self._random.randint(10_000, 99_999)
        session.info("orders", f"Order {number} received")
        session.debug("orders.db", f"INSERT INTO orders VALUES ({number}, …) took {self._took_ms()} ms")
        if not self._call(session, "cart", self._cart):
            raise CallFailed(f"order {number}: the cart cannot be read")
        if not self._call(session, "inventory", self._inventory):
            raise CallFailed("nothing is in stock")
        if not self._call(session, "payments", self._payment):
            session.warn("orders", f"Order {number}: payment failed, trying another node")
            if not self._call(session, "payments", self._payment):
                raise CallFailed(f"order {number} could not be paid")
        self._call(session, "mail", self._mail)

    def _cart(self, session: Session, node: Node) -> None:
        session.debug("cart", f"{self._random.randint(1, 7)} items from cache")
        if self._is_deployed and node.version == BAD_CART and self._random.random() < 1 / 3:
            session.error(
                "cart",
                "KeyError: 'discount'\n  File \"cart/prices.py\", line 88, in total\n    return sum(self.rules[rule.name](item) for item in items)",
            )
            raise CallFailed("KeyError: 'discount'")

    def _payment(self, session: Session, node: Node) -> None:
        session.info("payments", f"Charging card ending in {self._random.randint(1000, 9999)}")
        if self._is_deployed and node.version == BAD_PAYMENTS:
            session.error("payments.gateway", "TLS handshake with acquirer failed: certificate has expired")
            raise CallFailed("acquirer is not reachable")
        session.info("payments", f"Authorised after {self._took_ms()} ms")

    def _inventory(self, session: Session, node: Node) -> None:
        session.info("inventory", f"Reserved {self._random.randint(1, 4)} items")
        if self._random.random() < 0.05:
            session.warn("inventory", "Stock of SKU-4711 is below 10")

    def _mail(self, session: Session, node: Node) -> None:
        session.info("mail", "Confirmation queued")

    def _call(self, session: Session, service: str, work: object) -> bool:
        """One interaction, whose other side joins the session as it would after HTTP; true if it worked."""
        assert callable(work)
        try:
            with session.interaction():
                node = session.resolve(service)
                callee = self.nodes[node.address]
                time.sleep(self._random.uniform(0.001, 0.004))
                work(callee.join(session.inject()), node)
        except (CallFailed, ResolveTimeout):
            return False
        return True

    def _took_ms(self) -> int:
        return self._random.randint(2, 60)

    @contextmanager
    def open_for_business(self, per_second: float) -> Iterator[None]:
        """Customers keep coming, until the end of the block."""
        ended = threading.Event()

        def trade() -> None:
            while not ended.wait(1 / per_second):
                with suppress(KeyError):  # The node has just been stopped.
                    self.visit()

        thread = threading.Thread(target=trade, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
