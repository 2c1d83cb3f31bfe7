"""What failed is tried again ever later, not all at once, and not before its receiver wants it."""

from statistics import mean

import pytest

from monitor.backoff import wait_us


@pytest.mark.parametrize(("attempt", "whole_s"), [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 320), (7, 640)])
def test_doubles(attempt: int, whole_s: int) -> None:
    """Each wait is the double of the one before, spread over a fifth to both sides, whatever the message's number."""
    waits = [wait_us(number, attempt) / 1e6 for number in range(2000)]
    assert 0.8 * whole_s <= min(waits) < 0.81 * whole_s
    assert 1.19 * whole_s < max(waits) <= 1.2 * whole_s
    assert abs(mean(waits) / whole_s - 1) < 0.02
    assert waits == [wait_us(number, attempt) / 1e6 for number in range(2000)]


@pytest.mark.parametrize("attempt", [8, 9, 400, 10**6])
def test_at_most(attempt: int) -> None:
    """No wait of ours is longer than 15 minutes, however often it was tried."""
    waits = [wait_us(number, attempt) / 1e6 for number in range(500)]
    assert 720 <= min(waits) < max(waits) == 900


@pytest.mark.parametrize(
    ("asked_s", "least_s", "most_s"), [(None, 8, 12), (0, 8, 12), (60, 60, 60), (10**9, 3600, 3600)]
)
def test_asked(asked_s: float | None, least_s: float, most_s: float) -> None:
    """What the other side asks for is waited for, up to an hour; it never shortens a wait."""
    assert all(least_s * 1e6 <= wait_us(number, 1, asked_s) <= most_s * 1e6 for number in range(200))
