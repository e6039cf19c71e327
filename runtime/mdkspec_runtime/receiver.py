"""What becomes of messages that come: which part takes them, and what the engine does with them by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mdkspec_runtime.counters import Counters
from mdkspec_runtime.errors import IllegalMessage
from mdkspec_runtime.failures import raise_all
from mdkspec_runtime.machines import Machines
from mdkspec_runtime.plan import Plan, Received
from mdkspec_runtime.policies import Offences
from mdkspec_runtime.reconnect import Backoff
from mdkspec_runtime.requests import Requests
from mdkspec_runtime.senders import Senders
from mdkspec_runtime.step import step
from mdkspec_runtime.tables import Delivery, Machine, Scope, Tell, Transition


class Receiver:
    """The receiving end of one endpoint."""

    __slots__ = ("_backoff", "_counters", "_machines", "_offences", "_plan", "_requests", "_scope", "_senders")

    def __init__(
        self,
        plan: Plan,
        scope: Scope,
        machines: Machines,
        senders: Senders,
        requests: Requests,
        offences: Offences,
        backoff: Backoff | None,
        counters: Counters,
    ) -> None:
        self._plan = plan
        self._scope = scope
        self._machines = machines
        self._senders = senders
        self._requests = requests
        self._offences = offences
        self._backoff = backoff
        self._counters = counters

    def take(self, message: msgspec.Struct, told_together: Mapping[str, str], now: float) -> None:
        """A message came.

        Args:
            message: As it was decoded.
            told_together: The handler's methods that take the messages of a batch at once, by the events.
            now: The time.

        Raises:
            IllegalMessage: The state does not allow it; nothing was changed.
            Exception: What the application raised; the rest was done.
        """
        received = self._plan.received.get(type(message))
        if received is None:
            raise self._illegal(message)
        machines = self._machines
        index = received.index
        state = machines.states[index]
        if state is None and machines.was_live[index]:
            self._counters.discarded += 1
            return
        machine = self._plan.role.machines[index]
        if received.batch is not None and machines.states[0] not in received.batch.states:
            raise self._illegal(message)
        if received.unpacks is not None and received.batch is not None:
            self._unpack(index, received.unpacks, getattr(message, received.batch.field), told_together, now)
            return
        args = (message,)
        errors: list[Exception] = []
        if not received.by_engine or (
            state is not None and (received.input in machine.states[state] or received.input in machine.always)
        ):
            transition = step(machine, state, received.input, self._scope, args)
        elif state is None:
            raise IllegalMessage(type(message).__name__, machine.part, None, ())
        else:
            transition = None
        self._counters.received += 1
        self._offences.forgive()
        if received.by_engine:
            self._settle(received, message, errors)
        elif received.delivery is not None:
            self._senders.came(received.delivery.name, (getattr(message, received.delivery.number),))
        if transition is not None:
            machines.run(index, transition, args, now, errors)
        if machines.is_up and self._backoff is not None:
            self._backoff.proved()
        if errors:
            raise_all(errors)

    def _unpack(
        self,
        index: int,
        delivery: Delivery,
        items: list[msgspec.Struct],
        told_together: Mapping[str, str],
        now: float,
    ) -> None:
        """A batch comes as the messages that it holds, as long as their part is live."""
        machines = self._machines
        machine = self._plan.role.machines[index]
        input_ = f"recv {delivery.message}"
        errors: list[Exception] = []
        self._offences.forgive()
        take = self._taking_together(machine, machines.states[index], input_, items, told_together)
        if take is not None:
            self._counters.received += len(items)
            self._senders.came(delivery.name, [getattr(item, delivery.number) for item in items])
            take(items)
            return
        for item in items:
            state = machines.states[index]
            if state is None:
                self._counters.discarded += 1
                continue
            transition = step(machine, state, input_, self._scope, (item,))
            self._counters.received += 1
            self._senders.came(delivery.name, (getattr(item, delivery.number),))
            machines.run(index, transition, (item,), now, errors)
        if errors:
            raise_all(errors)

    def _taking_together(
        self,
        machine: Machine,
        state: str | None,
        input_: str,
        items: list[msgspec.Struct],
        told_together: Mapping[str, str],
    ) -> Callable[[list[Any]], None] | None:
        """What takes these messages at once; None where the spec does more with one than to tell it as it is."""
        if not told_together:
            return None
        match machine.states[state].get(input_) if state is not None else None:
            case (Transition(actions=(Tell(event=event, args=args),), target=None, guard=None),) if items:
                name, told = told_together.get(event), args(self._scope, items[0])
                is_as_it_came = len(told) == 1 and told[0] is items[0]
                return getattr(self._scope.hooks, name) if name is not None and is_as_it_came else None
            case _:
                return None

    def _illegal(self, message: msgspec.Struct) -> IllegalMessage:
        """It is not for this role, or not in this state of the protocol."""
        return IllegalMessage(type(message).__name__, self._plan.role.machines[0].part, self._machines.states[0], ())

    def _settle(self, received: Received, message: msgspec.Struct, errors: list[Exception]) -> None:
        if received.ack_of is not None:
            outbox, batch = self._senders[received.ack_of.name].outbox, received.batch
            if batch is not None:
                outbox.acknowledge(getattr(message, batch.ack_number), upto=True)
            else:
                outbox.acknowledge(getattr(message, received.ack_of.ack_number))
        if received.reply_to is not None:
            self._requests.answered(received.reply_to, message, errors)
