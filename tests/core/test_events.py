"""Events: handlers run in the order of their connection, with the publisher's arguments."""

from __future__ import annotations

import pytest

from registry.core.database import Event


def test_publish_runs_handlers_in_the_order_of_connection() -> None:
    calls: list[tuple[str, int]] = []
    event: Event[[int]] = Event("happened")

    @event.connect
    def first(number: int) -> None:
        calls.append(("first", number))

    @event.connect
    def second(number: int) -> None:
        calls.append(("second", number))

    event.publish(7)
    assert calls == [("first", 7), ("second", 7)]
    assert event.handlers == (first, second)


def test_exception_of_a_handler_reaches_the_publisher() -> None:
    event: Event[[]] = Event("happened")

    @event.connect
    def refuse() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        event.publish()
