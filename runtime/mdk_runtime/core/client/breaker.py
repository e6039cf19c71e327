"""Circuit breakers: an address that fails again and again is left alone for a while, then tried by one call."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple


class BreakerSettings(NamedTuple):
    """When an address is taken out, and for how long."""

    failures: int = 3
    """So many in a row take it out."""
    retry_after_s: float = 30.0
    trips: bool = True
    """False only counts (MDK_FAILURE_POLICY=recording)."""


class BreakerState(Enum):
    """Where a breaker stands."""

    CLOSED = auto()
    """In use."""
    OUT = auto()
    """Not to be used before `retry_at`."""
    OFFERED = auto()
    """The next resolve may take it, as a probe."""
    PROBING = auto()
    """One call tries it. If nothing is heard from that call by `retry_at`, another may."""


class Breaker:
    """One address's record.

    The methods answer True if the set of usable nodes has changed. Times are seconds on any monotonic clock.
    """

    __slots__ = ("failures", "failures_in_row", "retry_at", "settings", "state", "successes")

    def __init__(self, settings: BreakerSettings) -> None:
        self.settings = settings
        self.state = BreakerState.CLOSED
        self.failures_in_row = 0
        self.retry_at = 0.0
        self.successes = 0
        self.failures = 0

    def success(self) -> bool:
        """A call worked: whatever was is forgotten."""
        self.successes += 1
        self.failures_in_row = 0
        reopened = self.state is not BreakerState.CLOSED
        self.state = BreakerState.CLOSED
        return reopened

    def failure(self, *, now: float) -> bool:
        """A call failed; one that is out already stays out from now on."""
        self.failures += 1
        self.failures_in_row += 1
        if not self.settings.trips:
            return False
        if self.state is BreakerState.CLOSED and self.failures_in_row < self.settings.failures:
            return False
        changed = self.state in (BreakerState.CLOSED, BreakerState.OFFERED)
        self.state = BreakerState.OUT
        self.retry_at = now + self.settings.retry_after_s
        return changed

    def tick(self, *, now: float) -> bool:
        """Offer a probe if it is time."""
        if self.state not in (BreakerState.OUT, BreakerState.PROBING) or now < self.retry_at:
            return False
        self.state = BreakerState.OFFERED
        return True

    def take(self, *, now: float) -> bool:
        """Hand out the probe. False if somebody else has it already."""
        if self.state is not BreakerState.OFFERED:
            return False
        self.state = BreakerState.PROBING
        self.retry_at = now + self.settings.retry_after_s
        return True

    def release(self) -> bool:
        """A call ended without a verdict: if it was the probe, another may try."""
        if self.state is not BreakerState.PROBING:
            return False
        self.state = BreakerState.OFFERED
        return True

    def available(self, *, now: float) -> bool:
        """Whether a resolve at this moment may take it."""
        if self.state in (BreakerState.CLOSED, BreakerState.OFFERED):
            return True
        return self.state is BreakerState.OUT and now >= self.retry_at

    @property
    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        return self.retry_at if self.state in (BreakerState.OUT, BreakerState.PROBING) else None


class Breakers:
    """The breakers of all addresses; an address without one has never failed nor succeeded."""

    def __init__(self, settings: BreakerSettings) -> None:
        self.settings = settings
        self._by_address: dict[str, Breaker] = {}
        self._settings_of: dict[str, BreakerSettings] = {}
        """Addresses of services with settings of their own."""
        self._open: dict[str, Breaker] = {}
        """Those with a deadline, so that a tick costs what is out, not what is known."""

    def of(self, address: str) -> Breaker:
        """The record of an address, made if there is none."""
        breaker = self._by_address.get(address)
        if breaker is None:
            breaker = self._by_address[address] = Breaker(self._settings_of.get(address, self.settings))
        return breaker

    def configure(self, address: str, settings: BreakerSettings) -> None:
        """From now on an address has settings of its own."""
        self._settings_of[address] = settings
        breaker = self._by_address.get(address)
        if breaker is not None:
            breaker.settings = settings

    def state(self, address: str) -> BreakerState:
        """Where an address stands."""
        breaker = self._by_address.get(address)
        return breaker.state if breaker else BreakerState.CLOSED

    def not_closed(self) -> list[str]:
        """The addresses that are not simply in use."""
        return [address for address, breaker in self._by_address.items() if breaker.state is not BreakerState.CLOSED]

    def available(self, address: str, *, now: float) -> bool:
        """Whether a resolve at this moment may take the address."""
        breaker = self._by_address.get(address)
        return breaker.available(now=now) if breaker else True

    def success(self, address: str) -> bool:
        """See Breaker.success."""
        breaker = self.of(address)
        self._open.pop(address, None)
        return breaker.success()

    def failure(self, address: str, *, now: float) -> bool:
        """See Breaker.failure."""
        breaker = self.of(address)
        changed = breaker.failure(now=now)
        self._watch(address, breaker)
        return changed

    def take(self, address: str, *, now: float) -> bool:
        """See Breaker.take."""
        breaker = self.of(address)
        taken = breaker.take(now=now)
        self._watch(address, breaker)
        return taken

    def release(self, address: str) -> bool:
        """See Breaker.release."""
        breaker = self._by_address.get(address)
        released = breaker is not None and breaker.release()
        if released:
            self._open.pop(address, None)
        return released

    def tick(self, *, now: float) -> list[str]:
        """The addresses that may be tried again."""
        due = [address for address, breaker in self._open.items() if breaker.tick(now=now)]
        for address in due:
            del self._open[address]
        return due

    @property
    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        return min((breaker.retry_at for breaker in self._open.values()), default=None)

    def forget(self, address: str) -> None:
        """Drop the record of an address that nobody has, unless it would let a failing node in again."""
        self._settings_of.pop(address, None)
        breaker = self._by_address.get(address)
        if breaker and breaker.settings.trips and breaker.state is BreakerState.CLOSED and not breaker.failures_in_row:
            del self._by_address[address]

    def _watch(self, address: str, breaker: Breaker) -> None:
        if breaker.deadline is not None:
            self._open[address] = breaker
