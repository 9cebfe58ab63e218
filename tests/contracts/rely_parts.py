"""The Rely conventions, part by part: what to call, on what rows, and who may besides the owner.

A part is a module beside this one with a PART in it; `parts` lists them. `furnish` makes the part's rows anew, whatever
calls have left of earlier ones, and leaves their ids in the world by the path they stand in. A list needs two rows at
least, or no page of it has neighbours.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from tests.contracts import fields
from tests.contracts.operations import Routed, described, documented, resolve, routed

Key = tuple[str, str]  # method, path with {} for each parameter
RELY = "rely"


@dataclass
class World:
    """`ids` by resource ("entities": the id that stands for `{id_}` below it), and whatever else bodies name."""

    person: Any
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def actor(self) -> Any:
        return self.person.actor

    @property
    def organization(self) -> Any:
        return self.person.organization

    def address(self, operation: Routed, query: Mapping[str, str] | None = None) -> str:
        part = part_of(operation)
        resource = operation.path.split("/")[3]
        chosen = part.ids.get(operation.triple[1:], resource) if part else resource
        path = operation.path.replace("{id_}", quote(self.ids.get(chosen, ""), safe=""))
        return f"{path}?{urlencode(query)}" if query else path


Body = Callable[[World], Any]


@dataclass(frozen=True)
class Part:
    """`paths`: what it covers, all methods. `bodies`: a good one for each operation that takes one.

    `ids`: the world's id that stands in a path, where it is not the one of its resource. `queries`: further good
    queries to call with. `reads_back`: where what a call has written is found, (its world, its answer) → address; a
    written body's members must stand there. None: nothing to find. Left out: the answer's `id` below a POST's path,
    the path of a PUT. `unread`: members of bodies that no answer shows as they were written. `excused`: documented
    members of answers that are null by what they mean, as (schema, member). `monitor_may`: besides reading.
    """

    furnish: Callable[[World], None]
    paths: re.Pattern[str]
    bodies: Mapping[Key, Body] = field(default_factory=dict)
    ids: Mapping[Key, str] = field(default_factory=dict)
    queries: Mapping[Key, list[dict[str, str]]] = field(default_factory=dict)
    reads_back: Mapping[Key, Callable[[World, Any], str] | None] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    excused: frozenset[tuple[str, str]] = frozenset()
    monitor_may: frozenset[Key] = frozenset()


def parts() -> list[Part]:
    from tests.contracts import rely_approvals, rely_catalog, rely_flows

    return [rely_catalog.PART, rely_flows.PART, rely_approvals.PART]


def part_of(operation: Routed) -> Part | None:
    return next((part for part in parts() if part.paths.fullmatch(operation.triple[2])), None)


def body_of(operation: Routed, world: World) -> Any:
    part = part_of(operation)
    body = part.bodies.get(operation.triple[1:]) if part else None
    return body(world) if body else None


def build_world(person: Any) -> World:
    world = World(person)
    for part in parts():
        part.furnish(world)
    return world


def mine() -> list[Routed]:
    """The built operations that the contract documents and a part covers."""
    return [operation for operation in documented_here() if part_of(operation)]


def documented_here() -> list[Routed]:
    known = documented()
    found = [operation for operation in routed() if operation.dialect == RELY and operation.triple in known]
    return sorted(found, key=lambda operation: (operation.path, operation.method))


def answer_shape(operation: Routed) -> dict[str, Any]:
    shape: dict[str, Any] = resolve(RELY, described(operation)["responses"]["200"])["content"]["application/json"]
    return shape["schema"]


def is_paged(operation: Routed) -> bool:
    return any(resolve(RELY, one)["name"] == "cursor" for one in described(operation).get("parameters", []))


fields_of = partial(fields.fields_of, RELY)
seen_in = partial(fields.seen_in, RELY)
