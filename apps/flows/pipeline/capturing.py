"""The recorder of a plan: beside the exchanges that people see, it keeps each unsent write whole, for `apply`.

A write is kept as a *unit*: what goes out under one key, and the keys of the records that travel in it.
"""

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import orjson

from apps.core.errors import ValidationError
from apps.core.gateway import Exchange as Captured
from apps.core.gateway import Recorder
from apps.executions.recording import ExecutionRecorder

MOST_REQUESTS = 5000
MOST_BYTES = 32 * 1024 * 1024


class PlanTooLargeError(ValidationError):
    """It would not be looked through by anybody, and not be kept by us."""

    code = "plan_too_large"


@dataclass
class Unit:
    """`keys` of records; `http` is what its request is made of but for the connection's part of it, which is added
    anew when it is sent; `wholes` are statements or file operations, in order.

    `mapped`: the records as they were submitted, for a postSubmit hook to see.
    """

    step: str
    key: str
    keys: list[str] = field(default_factory=list)
    connection: str = ""
    operation: str = "create"
    http: dict[str, Any] | None = None
    wholes: list[dict[str, Any]] = field(default_factory=list)
    mapped: list[Any] | None = None


class PlanRecorder(ExecutionRecorder):
    """`fates` by step: of records that are not written, why; None for one that is ignored."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.units: dict[tuple[str, str], Unit] = {}
        self.fates: dict[str, dict[str, Any]] = {}
        self.count = self.size = 0
        self._owners: list[str] = []

    def record(self, exchanges: Sequence[Captured]) -> None:
        super().record([replace(one, whole=None) for one in exchanges])
        for one in exchanges:
            if not one.planned:
                continue
            self.count += 1
            self.size += one.request_size
            # Several files may be of the same records: what belongs together is repeated together.
            key = " ".join(self._owners) if one.kind == "file" and self._owners else one.key
            unit = self.units.setdefault((one.step, key), Unit(one.step, key, keys=self._owners))
            unit.connection = one.connection
            if one.whole is not None:
                unit.wholes.append(storable(one.whole))
        self.weigh(0)

    def weigh(self, size: int) -> None:
        """Notes bytes that the plan is to keep. Raises PlanTooLargeError."""
        self.size += size
        if self.count > MOST_REQUESTS or self.size > MOST_BYTES:
            raise PlanTooLargeError(
                f"These pages make more than {MOST_REQUESTS} requests, or {MOST_BYTES >> 20} MB of them: plan fewer"
                " pages.",
                field="pages",
            )

    def note(self, unit: Unit) -> None:
        """Before its request is captured."""
        self.units[unit.step, unit.key] = unit

    @contextmanager
    def owned_by(self, keys: Sequence[str]) -> Iterator[None]:
        """What is captured meanwhile is of these records."""
        self._owners = list(keys)
        try:
            yield
        finally:
            self._owners = []

    def drop(self, step: str) -> None:
        """What a step would have done is not to be done after all."""
        self.units = {place: unit for place, unit in self.units.items() if place[0] != step}
        self._kept = [one for one in self._kept if not (one.planned and one.step == step)]

    def documents(self) -> list[dict[str, Any]]:
        return [asdict(unit) for unit in self.units.values()]


def plan_recorder(recorder: Recorder) -> PlanRecorder | None:
    return recorder if isinstance(recorder, PlanRecorder) else None


def http_parts(**parts: Any) -> dict[str, Any]:
    """The arguments of `make_request`, as they are kept."""
    return {**parts, "body": base64.b64encode(parts["body"]).decode()}


def from_http_parts(parts: dict[str, Any]) -> dict[str, Any]:
    return {**parts, "body": base64.b64decode(parts["body"])}


def storable(whole: Any) -> dict[str, Any]:
    """JSON-shaped; a file's content is base64, what a parameter is that JSON has not is its text."""
    found = dict(whole)
    if isinstance(found.get("content"), bytes):
        found["content"] = base64.b64encode(found["content"]).decode()
    result: dict[str, Any] = orjson.loads(orjson.dumps(found, default=str))
    return result


def restored(whole: dict[str, Any]) -> dict[str, Any]:
    return {**whole, "content": base64.b64decode(whole["content"])} if "content" in whole else whole
