"""The Interactor conventions, part by part: what to call, on what rows, and who may besides the owner.

A part is a module beside this one with a PART in it; PARTS lists them. `furnish` makes the part's rows and leaves their
ids in the world under the names of path parameters. What a query must hold is taken from the contract, its values from
the world's ids too.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from apps.accounts.models import EndUser
from tests.contracts import fields
from tests.contracts.operations import Routed, described, documented, resolve, routed

Key = tuple[str, str]  # method, path with {} for each parameter


@dataclass
class World:
    """`ids` by the name of a path or query parameter, and whatever else bodies name."""

    person: Any
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def actor(self) -> Any:
        return self.person.actor

    @property
    def organization(self) -> Any:
        return self.person.organization

    def address(self, operation: Routed) -> str:
        part = part_of(operation)
        ids = {**self.ids, **(part.elsewhere.get(operation.triple[1:], {}) if part else {})}
        path = operation.path.format(**{name: quote(text, safe="") for name, text in ids.items()})
        queries = part.queries.get(operation.triple[1:]) if part else None
        query = queries(self) if queries else {name: self.ids[name] for name in required_query(operation)}
        return f"{path}?{urlencode(query)}" if query else path


Body = Callable[[World], Any]


@dataclass(frozen=True)
class Part:
    """`paths`: what it covers, all methods. `bodies`: a good one for each operation that takes one.

    `queries`: where the contract's required parameters do not do. `elsewhere`: parameters of a path that are not the
    world's, such as the id of what is to be made. `reads_back`: where what a call has written is found, (its world, its
    answer) → address; a written body's members must stand there. None: nothing to find. Left out: the answer's `id`
    below a POST's path, the path of a PUT. `unread`: members of bodies that no answer shows as they were written.
    """

    furnish: Callable[[World], None]
    paths: re.Pattern[str]
    bodies: Mapping[Key, Body] = field(default_factory=dict)
    queries: Mapping[Key, Callable[[World], dict[str, str]]] = field(default_factory=dict)
    reads_back: Mapping[Key, Callable[[World, Any], str] | None] = field(default_factory=dict)
    elsewhere: Mapping[Key, Mapping[str, str]] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    monitor_may: frozenset[Key] = frozenset()
    monitor_may_not_read: frozenset[str] = frozenset()


def parts() -> list[Part]:
    from tests.contracts import (
        interactor_automations,
        interactor_connectors,
        interactor_people,
        interactor_subscriptions,
        interactor_tokens,
    )

    modules = (interactor_connectors, interactor_subscriptions, interactor_people, interactor_tokens)
    return [*(module.PART for module in modules), interactor_automations.PART]


def part_of(operation: Routed) -> Part | None:
    return next((part for part in parts() if part.paths.fullmatch(operation.triple[2])), None)


def body_of(operation: Routed, world: World) -> Any:
    part = part_of(operation)
    body = part.bodies.get(operation.triple[1:]) if part else None
    return body(world) if body else None


def build_world(person: Any) -> World:
    world = World(person)
    world.ids |= {"userId": "ann+1@customer.example", "version": "minor", "contributor_id": "339453cd"}
    world.ids["redact"] = "true"
    user = EndUser.objects.create(organization=person.organization, external_id=world.ids["userId"], name="Ann")
    world.ids["userUuid"] = str(user.id)
    for part in parts():
        part.furnish(world)
    return world


def mine() -> list[Routed]:
    """The built operations that the contract documents and a part covers."""
    return [operation for operation in documented_here() if part_of(operation)]


def documented_here() -> list[Routed]:
    known = documented()
    found = [operation for operation in routed() if operation.dialect == "interactor" and operation.triple in known]
    return sorted(found, key=lambda operation: (operation.path, operation.method))


def required_query(operation: Routed) -> list[str]:
    parameters = [resolve("interactor", part) for part in described(operation).get("parameters", [])]
    return [part["name"] for part in parameters if part["in"] == "query" and part.get("required")]


fields_of = partial(fields.fields_of, "interactor")
seen_in = partial(fields.seen_in, "interactor")
