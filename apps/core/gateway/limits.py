"""How many calls at once and how many a second, across processes, without a row or a round trip per call.

A process leases a *block* (permits and rate tokens) from the shared state for some seconds, spends it in memory and
returns the rest. The arithmetic here is pure: a store locks the state, calls `take` or `give_back`, and saves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import uuid4

from apps.core import clock

from .errors import RetryLater


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to make `requests` calls, `permits` of them at a time."""

    limit_key: str
    requests: int
    permits: int
    block: str = ""


class Limiter(Protocol):
    """The gateway's port. `acquire` never waits: RetryLater says when to ask again."""

    def acquire(self, limit_key: str, n: int, *, concurrency: int = 1) -> Grant | RetryLater: ...

    def release(self, grant: Grant, *, unused: int = 0) -> None: ...

    def pause(self, limit_key: str, *, until: datetime, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Rules:
    """What a connection allows. None: no bound. `rate` calls per `per` seconds."""

    concurrency: int | None = None
    rate: int | None = None
    per: float = 1.0
    block_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Lease:
    """Permits that one process holds until a moment."""

    id: str
    permits: int
    until: datetime


@dataclass(frozen=True, slots=True)
class State:
    """What a store keeps per limit key.

    Rate tokens are moments: `next_token_at` is when the bucket will be full again, and each token taken moves it on.
    """

    leases: tuple[Lease, ...] = ()
    next_token_at: datetime | None = None
    paused_until: datetime | None = None
    paused_reason: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """Permits and tokens to spend in memory until a moment."""

    id: str
    permits: int
    tokens: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to lease before `until`."""

    until: datetime
    reason: str


def take(
    state: State, rules: Rules, *, permits: int, tokens: int, block_id: str, now: datetime
) -> tuple[State, Block | Wait]:
    """Lease up to `permits` and `tokens`, renewing `block_id` if it is held. Lapsed leases free their permits."""
    if state.paused_until is not None and state.paused_until > now:
        return state, Wait(state.paused_until, state.paused_reason or "paused by the target")
    others = tuple(lease for lease in state.leases if lease.until > now and lease.id != block_id)
    if rules.concurrency is not None:
        permits = min(permits, rules.concurrency - sum(lease.permits for lease in others))
        if permits < 1:
            return replace(state, leases=others), Wait(
                min(lease.until for lease in others),
                f"all {rules.concurrency} simultaneous calls of the connection are taken",
            )
    spent_until = max(state.next_token_at or now, now)
    if rules.rate is not None:
        apart = timedelta(seconds=rules.per / rules.rate)
        left = rules.rate - (spent_until - now) / apart
        if left < 1:
            return replace(state, leases=others), Wait(
                now + apart * (1 - left), f"{rules.rate} calls in {rules.per:g} s are used up"
            )
        tokens = min(tokens, int(left))
        spent_until += apart * tokens
    until = now + timedelta(seconds=rules.block_seconds)
    leased = State(leases=(*others, Lease(block_id, permits, until)), next_token_at=spent_until)
    return leased, Block(block_id, permits, tokens, until)


def give_back(state: State, rules: Rules, *, block: Block, now: datetime) -> State:
    """End a lease; tokens not spent go back into the bucket."""
    leases = tuple(lease for lease in state.leases if lease.id != block.id and lease.until > now)
    spent_until = state.next_token_at
    if rules.rate is not None and spent_until is not None:
        spent_until -= timedelta(seconds=rules.per / rules.rate) * block.tokens
    return replace(state, leases=leases, next_token_at=spent_until)


def pause(state: State, *, until: datetime, reason: str) -> State:
    """The target asked for a break; a longer one already noted stands."""
    if state.paused_until is not None and state.paused_until >= until:
        return state
    return replace(state, paused_until=until, paused_reason=reason)


class BlockStore(Protocol):
    """Keeps State per limit key where all processes see it; each call is one short transaction."""

    def lease(self, limit_key: str, *, permits: int, tokens: int, block_id: str) -> Block | Wait: ...

    def give_back(self, limit_key: str, block: Block) -> None: ...

    def pause(self, limit_key: str, *, until: datetime, reason: str) -> None: ...


@dataclass(slots=True)
class _Held:
    block: Block
    tokens: int
    in_use: int = 0


@dataclass(slots=True)
class BlockLimiter:
    """A Limiter that spends blocks of a store in memory; one per process and store.

    Asks the store for `ahead` times what is needed, so that a steady stream of single calls costs a store call per
    block and not per call. A block that runs out while calls are under way is renewed, never dropped.
    """

    store: BlockStore
    node: str = field(default_factory=lambda: uuid4().hex)
    ahead: int = 10
    now: Callable[[], datetime] = clock.now
    _held: dict[str, _Held] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def acquire(self, limit_key: str, n: int, *, concurrency: int = 1) -> Grant | RetryLater:
        with self._lock:
            held = self._held.get(limit_key)
            wanted = min(n, concurrency)
            if held is None or not self._can_serve(held):
                leased = self._lease(limit_key, held, permits=wanted, tokens=max(n, self.ahead))
                if isinstance(leased, Wait):
                    return RetryLater(leased.until, leased.reason)
                held = leased
            permits = min(wanted, held.block.permits - held.in_use)
            requests = min(n, held.tokens)
            held.in_use += permits
            held.tokens -= requests
            return Grant(limit_key, requests=requests, permits=min(permits, requests), block=held.block.id)

    def release(self, grant: Grant, *, unused: int = 0) -> None:
        """Give permits back. With none in use any more, the whole block returns once its time is up."""
        with self._lock:
            held = self._held.get(grant.limit_key)
            if held is None or held.block.id != grant.block:
                return
            held.in_use = max(0, held.in_use - grant.permits)
            held.tokens += unused
            if held.in_use == 0 and held.block.until <= self.now():
                self._return(grant.limit_key, held)

    def pause(self, limit_key: str, *, until: datetime, reason: str) -> None:
        with self._lock:
            self.store.pause(limit_key, until=until, reason=reason)
            held = self._held.get(limit_key)
            if held is not None:
                held.tokens = 0

    def return_idle(self) -> None:
        """Return every block that no call uses; for a worker about to rest or end."""
        with self._lock:
            for limit_key, held in list(self._held.items()):
                if held.in_use == 0:
                    self._return(limit_key, held)

    def _can_serve(self, held: _Held) -> bool:
        return held.tokens > 0 and held.in_use < held.block.permits and held.block.until > self.now()

    def _lease(self, limit_key: str, held: _Held | None, *, permits: int, tokens: int) -> _Held | Wait:
        in_use = held.in_use if held else 0
        block = self.store.lease(limit_key, permits=in_use + permits, tokens=tokens, block_id=self.node)
        if isinstance(block, Wait):
            return block
        kept = held.tokens if held and held.block.until > self.now() else 0
        if block.permits <= in_use:
            self._held[limit_key] = _Held(block, kept + block.tokens, in_use)
            return Wait(block.until, "all simultaneous calls of the connection are taken")
        self._held[limit_key] = _Held(block, kept + block.tokens, in_use)
        return self._held[limit_key]

    def _return(self, limit_key: str, held: _Held) -> None:
        del self._held[limit_key]
        self.store.give_back(limit_key, replace(held.block, tokens=held.tokens))


@dataclass(slots=True)
class MemoryBlockStore:
    """A BlockStore for one process: tests, and connections without a row."""

    rules: dict[str, Rules]
    now: Callable[[], datetime] = clock.now
    states: dict[str, State] = field(default_factory=dict)
    leases_taken: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def lease(self, limit_key: str, *, permits: int, tokens: int, block_id: str) -> Block | Wait:
        with self._lock:
            self.leases_taken += 1
            state, answer = take(
                self.states.get(limit_key, State()),
                self.rules.get(limit_key, Rules()),
                permits=permits,
                tokens=tokens,
                block_id=block_id,
                now=self.now(),
            )
            self.states[limit_key] = state
            return answer

    def give_back(self, limit_key: str, block: Block) -> None:
        with self._lock:
            state, rules = self.states.get(limit_key, State()), self.rules.get(limit_key, Rules())
            self.states[limit_key] = give_back(state, rules, block=block, now=self.now())

    def pause(self, limit_key: str, *, until: datetime, reason: str) -> None:
        with self._lock:
            self.states[limit_key] = pause(self.states.get(limit_key, State()), until=until, reason=reason)
