"""What the kinds of components differ in: the members that only one of them has, and whether it starts published."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.connectors.models import Component


@dataclass(frozen=True)
class KindRule:
    """`members` are kept in a version's document; these are their defaults."""

    published: bool
    members: Mapping[str, Any] = field(default_factory=dict)


RULES: Mapping[str, KindRule] = {
    Component.Kind.ACTION: KindRule(published=True, members={"tag": None}),
    Component.Kind.TRIGGER: KindRule(published=True),
    Component.Kind.EVENT: KindRule(published=False, members={"type": "webhook", "config": {}, "setting": {}}),
    Component.Kind.FUNCTION: KindRule(published=False, members={"argument": None, "language": "javascript"}),
    Component.Kind.CONDITION: KindRule(published=False),
    Component.Kind.DATATYPE: KindRule(published=True),
    Component.Kind.VARIABLE: KindRule(published=True, members={"config": {}, "required": False}),
}
EVENT_TYPES = ("standard", "automation", "target", "user", "connectorUrl", "webhook")
