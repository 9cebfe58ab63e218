"""What two runs of the same thing did differently: requests that came, went or changed, member by member; values.

Pure functions over JSON-shaped data. Changes are spelled as in the change log: fieldPath, oldValue, newValue.
"""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from apps.core.gateway import Exchange, NoRecordedAnswer
from apps.engine.paths import MISSING

MOST = 100  # of each list that an answer shows
DEEPEST = 12


def compare_values(old: Any, new: Any, path: str = "", depth: int = 0) -> Iterator[dict[str, Any]]:
    """A change for each leaf that differs; a value that has only one side says so by having no other member."""
    if isinstance(old, dict) and isinstance(new, dict) and depth < DEEPEST:
        for name in [*old, *(name for name in new if name not in old)]:
            at = f"{path}.{name}" if path else str(name)
            yield from compare_values(old.get(name, MISSING), new.get(name, MISSING), at, depth + 1)
    elif isinstance(old, list) and isinstance(new, list) and depth < DEEPEST:
        for index in range(max(len(old), len(new))):
            pair = [values[index] if index < len(values) else MISSING for values in (old, new)]
            yield from compare_values(pair[0], pair[1], f"{path}[{index}]", depth + 1)
    elif old is not new and (type(old) is not type(new) or old != new):
        change = {"fieldPath": path}
        change |= {} if old is MISSING else {"oldValue": old}
        yield change | ({} if new is MISSING else {"newValue": new})


def compare_requests(old: Sequence[Exchange], new: Sequence[Exchange]) -> dict[str, Any]:
    """{unchanged: n, changed, added, removed, unrecorded: n}; lists of at most MOST, and how many there are in all."""
    waiting: dict[str, deque[Exchange]] = defaultdict(deque)
    for one in old:
        waiting[one.fingerprint].append(one)
    pairs: list[tuple[Exchange, Exchange]] = []
    left: list[Exchange] = []
    for one in new:
        if waiting[one.fingerprint]:
            pairs.append((waiting[one.fingerprint].popleft(), one))
        else:
            left.append(one)
    gone = [one for one in old if any(one is other for other in waiting[one.fingerprint])]
    added: list[Exchange] = []
    for one in left:
        before = closest(one, gone)
        if before is None:
            added.append(one)
        else:
            gone = [other for other in gone if other is not before]
            pairs.append((before, one))
    changed = [(one, fields) for before, one in pairs if (fields := changes_of(before, one))]
    return {
        "unchanged": len(pairs) - len(changed),
        "numChanged": len(changed),
        "numAdded": len(added),
        "numRemoved": len(gone),
        "unrecorded": sum(map(is_unrecorded, new)),
        "changed": [{**shown(one), "fields": fields[:MOST]} for one, fields in changed[:MOST]],
        "added": [shown(one, whole=True) for one in added[:MOST]],
        "removed": [shown(one, whole=True) for one in gone[:MOST]],
    }


def closest(one: Exchange, candidates: Sequence[Exchange]) -> Exchange | None:
    """The request that it most likely was before: of the same step, and the same kind of call."""
    same = [other for other in candidates if (other.step, other.kind, other.effect) == (one.step, one.kind, one.effect)]
    exact = [other for other in same if (other.method, place_of(other)) == (one.method, place_of(one))]
    return next(iter(exact or same), None)


def place_of(one: Exchange) -> str:
    return one.url.partition("?")[0]


def changes_of(old: Exchange, new: Exchange) -> list[dict[str, Any]]:
    return list(compare_values(members_of(old), members_of(new)))


def members_of(one: Exchange) -> dict[str, Any]:
    parts = urlsplit(one.url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return {
        "method": one.method,
        "url": place_of(one),
        "query": query,
        "headers": {name.lower(): value for name, value in one.request_headers.items()},
        "body": body_of(one),
    }


def body_of(one: Exchange) -> Any:
    """JSON as what it says, a statement with its parameters; anything else is text."""
    if one.kind == "sql":
        statement, _, rest = one.request_body.rpartition("\n")
        try:
            return {"statement": statement, "parameters": orjson.loads(rest)[1]}
        except (orjson.JSONDecodeError, IndexError, TypeError):
            return one.request_body
    try:
        return orjson.loads(one.request_body)
    except orjson.JSONDecodeError:
        return one.request_body


def shown(one: Exchange, *, whole: bool = False) -> dict[str, Any]:
    told: dict[str, Any] = {"step": one.step, "method": one.method, "url": one.url, "effect": one.effect}
    told |= {"unrecorded": True} if is_unrecorded(one) else {}
    return {**told, "body": body_of(one)} if whole else told


def is_unrecorded(one: Exchange) -> bool:
    return one.error_code == NoRecordedAnswer.code


def compare_lists(old: Sequence[Any], new: Sequence[Any]) -> dict[str, Any]:
    """{added, removed}: as of bags, whatever the order."""
    rest, added = list(old), []
    for one in new:
        if one in rest:
            rest.remove(one)
        else:
            added.append(one)
    return {"added": added[:MOST], "removed": rest[:MOST]}
