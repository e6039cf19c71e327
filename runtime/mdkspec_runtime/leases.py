"""What all connections of one accepting side share: leases that outlive any one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from mdkspec_runtime.failures import raise_all
from mdkspec_runtime.schedule import Schedule
from mdkspec_runtime.step import step
from mdkspec_runtime.tables import Action, Do, Machine, Role, Scope, Tell

LAPSES_MAX = 1000
"""Lapses in one `tick`; what is left stays due, so that a shell can do other work between."""


class LeaseKey(NamedTuple):
    """One lease: `Part.lease`, and its key."""

    lease: str
    key: str


class SharedLeases:
    """The shared leases of a role, and what is told when they lapse.

    Generated classes derive from it. Endpoints grant and release; a shell waits until `deadline` and calls
    `tick`. Times are seconds on the clock that the endpoints use.

    Args:
        role: The accepting side's tables.
        handler: Is told of lapses, without a connection.
    """

    def __init__(self, role: Role, handler: object) -> None:
        self._handler = handler
        self._machines: dict[str, Machine] = {
            lease: machine for machine in role.machines for lease, scope in machine.leases.items() if scope == "shared"
        }
        self._scope = Scope(handler, role.params, {})
        self._schedule: Schedule[LeaseKey] = Schedule()
        self.wake: Callable[[], None] | None = None
        """Set by the shell; called when `deadline` has moved forward."""
        self.lapsed = 0
        """Leases that lapsed."""

    def __len__(self) -> int:
        return len(self._schedule)

    @property
    def deadline(self) -> float | None:
        """When the next lease lapses."""
        return self._schedule.deadline

    def keys(self, lease: str) -> list[str]:
        """The keys that a lease (`Part.lease`) is held for."""
        return [key.key for key in self._schedule.keys() if key.lease == lease]  # noqa: SIM118  # no mapping

    def until(self, lease: str, key: str) -> float | None:
        """When a lease lapses; None if it is not held."""
        return self._schedule.at(LeaseKey(lease, key))

    def grant(self, lease: str, key: str, until: float) -> None:
        """Start a lease or renew it."""
        before = self._schedule.deadline if self.wake is not None else None
        self._schedule.set(LeaseKey(lease, key), until)
        if self.wake is not None and (before is None or until < before):
            self.wake()

    def release(self, lease: str, key: str) -> None:
        """End a lease without its lapse; there need not be one."""
        self._schedule.remove(LeaseKey(lease, key))

    def tick(self, *, now: float) -> None:
        """Run the lapses that are due, earliest first.

        Raises:
            Exception: What the handler raised; the other lapses have run.
        """
        errors: list[Exception] = []
        for _ in range(LAPSES_MAX):
            due = self._schedule.pop_due(now)
            if due is None:
                break
            self.lapsed += 1
            self._lapse(due[0], errors)
        raise_all(errors)

    def _lapse(self, key: LeaseKey, errors: list[Exception]) -> None:
        input_ = f"lapse {key.lease.partition('.')[2]}"
        args: tuple[Any, ...] = (key.key,)
        try:
            transition = step(self._machines[key.lease], None, input_, self._scope, args)
        except Exception as error:
            errors.append(error)
            return
        for action in transition.actions:
            try:
                self._perform(action, args)
            except Exception as error:
                errors.append(error)

    def _perform(self, action: Action, args: tuple[Any, ...]) -> None:
        match action:
            case Tell(name, values) | Do(name, values):
                getattr(self._handler, name)(*values(self._scope, *args))
            case _:
                raise AssertionError(f"a shared lease may only tell and do, not {action}")
