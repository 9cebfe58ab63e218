"""Members of a resource that stand in no document: counted when somebody reads it, by the apps that know how.

The surprise: those who count live on floors above, and register here.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# What is found of each of these rows, by its id; the number of queries does not grow with theirs.
Counting = Callable[[Sequence[Any]], Mapping[uuid.UUID, Mapping[str, Any]]]
_of_lists: dict[str, list[Counting]] = {}
_of_one: dict[str, list[Counting]] = {}


def register_counting(kind: str, counting: Counting, *, lists: bool = True) -> None:
    """`lists` False: it costs too much for a page of rows, and is told of one that is read by its id."""
    known = (_of_lists if lists else _of_one).setdefault(kind, [])
    if counting not in known:
        known.append(counting)


def count(kind: str, rows: Sequence[Any], *, alone: bool = False) -> dict[uuid.UUID, dict[str, Any]]:
    counted: dict[uuid.UUID, dict[str, Any]] = {row.pk: {} for row in rows}
    if rows:
        for counting in (*_of_lists.get(kind, ()), *(_of_one.get(kind, ()) if alone else ())):
            for row_id, members in counting(rows).items():
                counted[row_id].update(members)
    return counted
