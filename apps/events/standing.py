"""What stands until somebody acts, such as a question to a person; and whether what failed works again.

Apps that keep such things register here in AppConfig.ready; alarms ask, and know none of them by name.
"""

import uuid
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Standing:
    """One thing that stands since a moment. `kind` and `id` are those of its page on the console."""

    kind: str
    id: uuid.UUID
    name: str
    since: datetime
    what: str = ""  # a sentence: what is asked, or what is wrong
    target_kind: str = ""  # what it belongs to: the automation that asks
    target_id: uuid.UUID | None = None
    target_name: str = ""
    integration_id: uuid.UUID | None = None


# (organization, moment, limit): what stands since that moment or longer, oldest first, by an index.
Find = Callable[[uuid.UUID, datetime, int], Iterable[Standing]]
# (organization, ids, moment): which of these have worked since that moment.
Recovered = Callable[[uuid.UUID, Collection[uuid.UUID], datetime], set[uuid.UUID]]
_sources: dict[str, Find] = {}
_recoveries: dict[str, Recovered] = {}


def register_source(name: str, find: Find) -> None:
    if _sources.setdefault(name, find) is not find:
        raise ValueError(f"source {name} is registered twice")


def register_recovery(kind: str, recovered: Recovered) -> None:
    if _recoveries.setdefault(kind, recovered) is not recovered:
        raise ValueError(f"recovery of {kind} is registered twice")


def standing(name: str, organization_id: uuid.UUID, *, since: datetime, limit: int) -> list[Standing]:
    """Nothing where no installed app keeps such things."""
    find = _sources.get(name)
    return list(find(organization_id, since, limit)) if find else []


def recovered(kind: str, organization_id: uuid.UUID, ids: Collection[uuid.UUID], *, since: datetime) -> set[uuid.UUID]:
    find = _recoveries.get(kind)
    return find(organization_id, ids, since) if find and ids else set()
