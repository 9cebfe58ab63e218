"""The broker is emptied, frozen, taken away, brought back: accepting never waits for it, nothing is forgotten."""

import time

import pytest

from tests.chaos import rig
from tests.chaos.test_distributed import installed, prepare, start, wait_until_up

pytestmark = [pytest.mark.postgres, pytest.mark.redis]
PARTS = ("web", "first worker", "scheduler")
ACCEPTED_WITHIN = 1.0


@pytest.fixture
def broker():
    found = rig.Broker()
    yield found
    found.stop()


def accept(found, *, seconds: float, every: float = 0.3) -> float:
    """Starts runs all the while; returns the longest that one of them took to be accepted."""
    ends, longest = time.monotonic() + seconds, 0.0
    while time.monotonic() < ends:
        began = time.monotonic()
        assert found.run_flow()
        longest = max(longest, time.monotonic() - began)
        time.sleep(every)
    return longest


def suffer(found, broker, *, seconds: float) -> dict[str, float]:
    """Each fault once; how long accepting took at most during it."""
    longest = {"well": accept(found, seconds=seconds)}
    broker.command("FLUSHALL")
    longest["emptied"] = accept(found, seconds=seconds)
    found.settle()  # wake-ups come through again, or the pump finds the work
    broker.freeze()
    longest["frozen"] = accept(found, seconds=seconds)
    broker.thaw()
    broker.stop()
    longest["away"] = accept(found, seconds=seconds)
    broker.start()
    longest["back"] = accept(found, seconds=seconds)
    found.settle()
    return longest


def faults(data, url: str, broker, *, seconds: float) -> dict[str, float]:
    with installed(data, url, broker=broker.address, records=50) as found:
        prepare(found)
        for part in PARTS:
            start(found, part)
        wait_until_up(found, *PARTS)
        found.run_flow()  # what a process does for the first time is not measured
        longest = suffer(found, broker, seconds=seconds)
        found.end()
        verdict = rig.check(found, kills=0, seconds=0)
    assert verdict.repeats == 0
    return longest


def test_a_broker_in_trouble_slows_nobody_and_loses_nothing(tmp_path, postgres_url, broker):
    longest = faults(tmp_path / "data", postgres_url, broker, seconds=3)
    assert max(longest.values()) < max(ACCEPTED_WITHIN, 5 * longest["well"]), longest


@pytest.mark.long
def test_a_broker_in_trouble_for_twenty_seconds_each(tmp_path, postgres_url, broker, capsys):
    longest = faults(tmp_path / "data", postgres_url, broker, seconds=20)
    with capsys.disabled():
        print(f"\nlongest accept: { {name: round(took, 3) for name, took in longest.items()} }")
    assert max(longest.values()) < ACCEPTED_WITHIN, longest
