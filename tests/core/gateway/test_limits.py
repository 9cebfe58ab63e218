from datetime import UTC, datetime, timedelta

import pytest

from apps.core import gateway
from apps.core.gateway.limits import Block, Rules, State, Wait, give_back, pause, take
from tests.core.gateway.conftest import reply

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def after(seconds):
    return NOW + timedelta(seconds=seconds)


def lease(state, rules, *, permits=1, tokens=1, block_id="a", at=0.0):
    return take(state, rules, permits=permits, tokens=tokens, block_id=block_id, now=after(at))


def test_permits_are_shared_among_processes():
    rules = Rules(concurrency=10)
    state, first = lease(State(), rules, permits=7, block_id="a")
    state, second = lease(state, rules, permits=7, block_id="b")
    _, third = lease(state, rules, permits=7, block_id="c")

    assert (first.permits, second.permits) == (7, 3)
    assert third == Wait(after(5), "all 10 simultaneous calls of the connection are taken")


def test_a_lapsed_lease_frees_its_permits():
    rules = Rules(concurrency=5)
    state, _ = lease(State(), rules, permits=5, block_id="dead")

    _, block = lease(state, rules, permits=5, block_id="b", at=5.1)

    assert block.permits == 5


def test_renewing_does_not_count_against_oneself():
    rules = Rules(concurrency=5)
    state, _ = lease(State(), rules, permits=5)

    state, again = lease(state, rules, permits=5, at=3)

    assert again == Block("a", 5, 1, after(8))
    assert len(state.leases) == 1


def test_rate_tokens_run_out_and_come_back_evenly():
    rules = Rules(rate=10, per=1.0)
    state, block = lease(State(), rules, tokens=100)
    assert block.tokens == 10
    _, wait = lease(state, rules, tokens=1)
    assert wait == Wait(after(0.1), "10 calls in 1 s are used up")

    _, later = lease(state, rules, tokens=100, at=0.35)
    assert later.tokens == 3


@pytest.mark.parametrize("steps", [7, 50, 333])
def test_over_any_time_no_more_than_rate_and_burst_pass(steps):
    rules = Rules(rate=10, per=1.0)
    state, passed = State(), 0
    for step in range(steps * 10):
        state, got = lease(state, rules, tokens=3, at=step / steps)
        passed += 0 if isinstance(got, Wait) else got.tokens
    assert 10 * 10 <= passed <= 10 * 10 + 10


def test_tokens_not_spent_are_given_back():
    rules = Rules(rate=10, per=1.0, concurrency=2)
    state, block = lease(State(), rules, tokens=10, permits=2)
    state = give_back(state, rules, block=Block(block.id, 2, 6, block.until), now=NOW)

    assert state.leases == ()
    assert lease(state, rules, tokens=100)[1].tokens == 6


def test_a_pause_stands_for_everyone_and_the_longer_one_wins():
    state = pause(State(), until=after(60), reason="429")
    state = pause(state, until=after(30), reason="shorter")

    assert lease(state, Rules(), at=10)[1] == Wait(after(60), "429")
    assert isinstance(lease(state, Rules(), at=61)[1], Block)


class Clock:
    def __init__(self):
        self.at = NOW

    def __call__(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


def limiter_of(clock, rules, node="node", store=None):
    store = store or gateway.MemoryBlockStore({"c": rules}, now=clock)
    return gateway.BlockLimiter(store, node=node, now=clock), store


def test_a_stream_of_single_calls_costs_few_leases(clock):
    limiter, store = limiter_of(clock, Rules(concurrency=5, rate=1000))
    for _ in range(100):
        limiter.release(limiter.acquire("c", 1))

    assert store.leases_taken <= 10


def test_no_more_permits_are_out_than_the_rules_allow(clock):
    limiter, store = limiter_of(clock, Rules(concurrency=5))
    other, _ = limiter_of(clock, Rules(), node="other", store=store)
    held = limiter.acquire("c", 100, concurrency=3)
    second = other.acquire("c", 100, concurrency=10)

    assert (held.permits, second.permits) == (3, 2)
    assert isinstance(limiter.acquire("c", 1), gateway.RetryLater)
    limiter.release(held)
    assert limiter.acquire("c", 1).permits == 1


def test_a_block_in_use_is_renewed_when_its_time_is_up(clock):
    limiter, store = limiter_of(clock, Rules(concurrency=5))
    limiter.acquire("c", 2, concurrency=2)
    clock.at = after(6)
    limiter.acquire("c", 1)

    (lease,) = store.states["c"].leases
    assert (lease.permits, lease.until) == (3, after(11))


def test_idle_blocks_go_back(clock):
    limiter, store = limiter_of(clock, Rules(concurrency=5, rate=100))
    limiter.release(limiter.acquire("c", 1))
    limiter.return_idle()

    assert store.states["c"].leases == ()
    other, _ = limiter_of(clock, Rules(), node="other", store=store)
    assert other.acquire("c", 200).requests == 99


def test_calls_keep_to_the_rate_of_their_connection(peer):
    store = gateway.MemoryBlockStore({"c": Rules(rate=5, per=1.0)})
    context = gateway.SendContext(limit_key="c", limiter=gateway.BlockLimiter(store, ahead=1))
    requests = [gateway.Request(method="GET", url=peer.on("/", reply()))] * 30

    outcomes = gateway.send_many(requests, concurrency=10, context=context)

    sent = [outcome for outcome in outcomes if isinstance(outcome, gateway.Response)]
    later = [outcome for outcome in outcomes if isinstance(outcome, gateway.RetryLater)]
    assert len(sent) == len(peer.asked)
    assert 5 <= len(sent) <= 16
    assert len(sent) + len(later) == 30
    assert outcomes[: len(sent)] == sent


def test_a_429_pauses_the_connection_for_everyone(peer):
    store = gateway.MemoryBlockStore({"c": Rules()})
    context = gateway.SendContext(limit_key="c", limiter=gateway.BlockLimiter(store))
    url = peer.on("/", reply(429, Retry_After="120"))
    request = gateway.Request(method="GET", url=url)

    outcomes = gateway.send_many([request] * 10, concurrency=1, context=context)
    with pytest.raises(gateway.RetryLater) as caught:
        gateway.send(request, context=context)

    assert all(isinstance(outcome, gateway.RetryLater) for outcome in outcomes)
    assert len(peer.asked) == 1
    assert 100 < caught.value.retry_after <= 120
    assert caught.value.status == 503
