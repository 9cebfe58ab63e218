"""Records on their way through a flow, a page at a time. Parallel lists: the hot path makes no object a record."""

import hashlib
import hmac
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.conf import settings

from apps.executions.payloads import pack, unpack
from apps.flows.models import Page
from apps.work.kinds import Claim


@dataclass(slots=True)
class Batch:
    """One page's records that are still on their way. All lists are aligned.

    `keys` names a record through all its life ("root:generator:page:index", with its data's revision after an edit);
    `at` is the position of each record's next step; `retries` are the ids of the record errors that a retry
    execution works off.
    """

    page: Page
    claim: Claim
    records: list[Any]
    keys: list[str]
    at: list[int]
    retries: list[str | None] | None = None
    counts: dict[str, list[int]] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)  # by record key: what a step has done of it so far

    def keep(self, wanted: list[int]) -> None:
        """Drops every record but those at these places."""
        if len(wanted) == len(self.records):
            return
        self.records = [self.records[i] for i in wanted]
        self.keys = [self.keys[i] for i in wanted]
        self.at = [self.at[i] for i in wanted]
        self.retries = None if self.retries is None else [self.retries[i] for i in wanted]

    def count(self, step: str, *, success: int = 0, error: int = 0, ignore: int = 0) -> None:
        counts = self.counts.setdefault(step, [0, 0, 0])
        counts[0] += success
        counts[1] += error
        counts[2] += ignore


@dataclass(slots=True)
class Part:
    """The records of one page that stand before one step; `places` are their places in the batch."""

    batch: Batch
    places: list[int]
    records: list[Any]
    keys: list[str]


def part_at(batch: Batch, position: int) -> Part | None:
    places = [i for i, at in enumerate(batch.at) if at == position]
    if not places:
        return None
    if len(places) == len(batch.records):
        return Part(batch, places, batch.records, batch.keys)
    return Part(batch, places, [batch.records[i] for i in places], [batch.keys[i] for i in places])


def fresh_keys(root: str, *, generator: int, number: int, count: int) -> list[str]:
    start = f"{root}:{generator}:{number}:"
    return [start + str(i) for i in range(count)]


def generator_of(key: str) -> int:
    """Which of a run's page generators a record came from, by its key; -1 for one of another kind."""
    parts = key.split(":")
    return int(parts[1]) if len(parts) > 3 and parts[1].isdigit() else -1


def fresh_batch(page: Page, claim: Claim, records: list[Any], *, root: str) -> Batch:
    """A page just cut from its source: its records' keys follow from its number."""
    keys = fresh_keys(root, generator=page.generator, number=page.number, count=len(records))
    return Batch(page=page, claim=claim, records=records, keys=keys, at=[0] * len(records))


def pack_batch(batch: Batch) -> bytes:
    value: dict[str, Any] = {"records": batch.records, "keys": batch.keys, "at": batch.at}
    if batch.retries is not None:
        value["retries"] = batch.retries
    if batch.progress:
        value["progress"] = batch.progress
    return pack(value)


def unpack_batch(page: Page, claim: Claim, data: bytes | memoryview, *, root: str) -> Batch:
    value = unpack(data)
    if isinstance(value, list):  # as generated
        return fresh_batch(page, claim, value, root=root)
    return Batch(
        page=page,
        claim=claim,
        records=value["records"],
        keys=value["keys"],
        at=value["at"],
        retries=value.get("retries"),
        progress=value.get("progress") or {},
        counts={step: list(numbers) for step, numbers in page.counts.items()},
    )


@lru_cache(maxsize=1)
def secret() -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), b"junction idempotency keys", "sha256")


def idempotency_key(record_key: str, step: str) -> str:
    """The same for every sending of the same data of the same record by the same step; 32 hex digits."""
    return hashlib.blake2b(f"{step}:{record_key}".encode(), key=secret(), digest_size=16).hexdigest()
