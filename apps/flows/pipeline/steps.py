"""What a step answers for the records before it, whatever kind it is: routers, lookups, imports of all kinds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from apps.executions.recording import ExecutionRecorder
from apps.flows.pipeline.batch import Part


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one record failed at one step; `source` and `classification` are words of the error API."""

    source: str
    code: str
    message: str
    classification: str = "none"
    in_doubt: bool = False
    import_data_uri: str = ""
    request_key: str = ""  # what the request was sent under that was refused
    field: str = ""  # what a mapping could not make


@dataclass(frozen=True, slots=True)
class ChildFailure:
    """One child's failure in a one-to-many step; `record` is what is kept for a retry, `index` its parent's."""

    index: int
    failure: Failure
    record: Any
    key: str
    trace_key: str


@dataclass(slots=True)
class Outcome:
    """What became of a part at a step, by the record's index in the part.

    Records in none of these succeeded. `responses` is what response mapping reads. `later` holds records that were
    not tried: the page comes back to them at `until`, or when `parked_on` recovers. `routes` is a router's answer:
    the next positions of each record, none to discard it. `kept` is what a file import adds to its file. `noted` are
    errors that a hook reports of records that go on all the same.

    Of a one-to-many step: `children` are the errors to open in place of their parents', `tally` counts children as
    [success, error, ignore], `traces` are a parent's children's trace keys.
    """

    failures: dict[int, Failure] = field(default_factory=dict)
    ignored: set[int] = field(default_factory=set)
    responses: dict[int, Any] = field(default_factory=dict)
    later: set[int] = field(default_factory=set)
    until: datetime | None = None
    parked_on: str = ""
    reason: str = ""
    routes: list[list[int]] | None = None
    kept: bytes = b""
    noted: list[tuple[int, Failure]] = field(default_factory=list)
    children: list[ChildFailure] = field(default_factory=list)
    tally: list[int] | None = None
    traces: dict[int, list[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Turn:
    """What a step may use while it works: the recorder of exchanges, and a check to make before every write."""

    recorder: ExecutionRecorder
    parts: Sequence[Part]

    def check(self) -> None:
        """Raises LeaseLostError if any of these pages may have been taken over."""
        for part in self.parts:
            part.batch.claim.check()


class StepRunner(Protocol):
    """`effect` is empty for a read; before one of `none` runs, an intent is committed."""

    @property
    def effect(self) -> str: ...

    def run(self, parts: Sequence[Part], turn: Turn) -> list[Outcome]:
        """One outcome a part, in order. Changes no record: response mapping does that afterwards."""
