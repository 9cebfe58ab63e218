"""Finds what nobody will take up by itself: none at rest. Apps register a probe each for what they know.

The surprise: nothing is mended here. A finding is a fault of ours or of somebody's SQL, and says what to do about it.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from apps.core.ids import hex24
from apps.work import nodes, sql

SHOWN_PER_PROBE = 100
OVERDUE_SECONDS = 5


@dataclass(frozen=True)
class Finding:
    """`what` is wrong with which row, and `advice` what an operator does about it."""

    kind: str
    target_id: uuid.UUID | str
    what: str
    advice: str

    def __str__(self) -> str:
        shown = hex24(self.target_id) if isinstance(self.target_id, uuid.UUID) else self.target_id
        return f"{self.kind} {shown}: {self.what}. {self.advice}"


Find = Callable[[], Iterable[Finding]]
_probes: dict[str, Find] = {}


def register_all(found: Mapping[str, Find]) -> None:
    for name, find in found.items():
        if name in _probes:
            raise ValueError(f"probe {name} is registered twice")
        _probes[name] = find


def probes() -> list[str]:
    return list(_probes)


def examine(*names: str) -> list[Finding]:
    """What these probes find, or all of them."""
    return [finding for name in names or _probes for finding in _probes[name]()]


def idle_lanes() -> list[str]:
    """Sentences about lanes with overdue work and no living worker to take it."""
    found = sql.rows(
        "SELECT lane, count(*) FROM work_workitem WHERE parked_on = ''"
        f" AND due_at < {sql.now_sql(-OVERDUE_SECONDS)} GROUP BY lane ORDER BY lane",
        [],
    )
    return [
        f"lane {lane}: {count} item(s) are due, and no living worker drains it. Start `manage.py worker`, or `up`."
        for lane, count in found
        if not nodes.draining(lane)
    ]


def living() -> str:
    roles = [f"{len(nodes.alive(role)) or 'no'} {role}" for role in ("web", "worker", "scheduler")]
    return f"Alive: {', '.join(roles)}."
