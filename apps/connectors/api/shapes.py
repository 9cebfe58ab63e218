"""How rows read in the Interactor conventions. Who did it is a name for some kinds and a UUID for others."""

import uuid
from collections.abc import Mapping
from typing import Any

from apps.accounts.models import EndUser
from apps.connectors.authoring.components import member_of
from apps.connectors.authoring.connectors import DEFAULTS, setting_of
from apps.connectors.kinds import RULES
from apps.connectors.models import Component, ComponentVersion, ConnectorVersion, Security
from apps.wire.stamps import naive_stamp

CONNECTOR_COLUMNS = (
    "pk", "name", "enabled", "document", "created_at", "updated_at", "default_version_id",
    "created_by__name", "created_by__external_id", "updated_by__name", "updated_by__external_id",
)  # fmt: skip
VIRTUAL_IDS: Mapping[str, str] = {
    Component.Kind.DATATYPE: "datatypeId",
    Component.Kind.VARIABLE: "componentId",
    Component.Kind.ACTION: "componentId",
    Component.Kind.EVENT: "eventId",
    Component.Kind.TRIGGER: "triggerId",
    Component.Kind.FUNCTION: "componentId",
    Component.Kind.CONDITION: "condition_id",
}
NAMED_ACTORS = {Component.Kind.DATATYPE, Component.Kind.ACTION, Component.Kind.CONDITION}
WITHOUT_LABEL = {Component.Kind.DATATYPE, Component.Kind.EVENT}
WITHOUT_SCHEMA = {Component.Kind.EVENT}
WITHOUT_LOGIC = {Component.Kind.VARIABLE}


def show_connector(values: Mapping[str, Any]) -> dict[str, Any]:
    """From a row's values of CONNECTOR_COLUMNS: a list of 10,000 makes no objects."""
    document = values["document"]
    return {
        "enabled": values["enabled"],
        "id": str(values["pk"]),
        "name": values["name"],
        **{name: document.get(name, default) for name, default in DEFAULTS.items()},
        "insertedAt": naive_stamp(values["created_at"]),
        "updatedAt": naive_stamp(values["updated_at"]),
        "updatedBy": values["updated_by__name"] or values["updated_by__external_id"],
        "createdBy": values["created_by__name"] or values["created_by__external_id"],
        "defaultVersionId": id_text(values["default_version_id"]),
    }


def show_version(row: ConnectorVersion) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "name": row.name,
        "label": row.label,
        "published": row.published,
        "logic": row.logic,
        "setting": setting_of(row),
        "insertedAt": naive_stamp(row.created_at),
        "createdBy": person_name(row.created_by),
        "updatedAt": naive_stamp(row.updated_at),
        "updatedBy": person_name(row.updated_by),
        "connectorId": str(row.connector_id),
        "defaultConnectorSecurityId": id_text(row.default_security_id),
    }


def show_security(row: Security) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "label": row.document.get("label") or {},
        "scheme": row.document.get("scheme") or "",
        "type": row.type,
        "config": row.document.get("config") or {},
        "insertedAt": naive_stamp(row.created_at),
        "updatedAt": naive_stamp(row.updated_at),
        "connectorId": str(row.connector_id),
    }


def show_component(row: ComponentVersion) -> dict[str, Any]:
    """A version of a component: `id` is its own, the virtual id its component's."""
    component = row.component
    kind = component.kind
    shown: dict[str, Any] = {"id": str(row.pk), "name": component.name}
    if kind not in WITHOUT_LABEL:
        shown["label"] = row.label
    shown |= {name: member_of(row, name) for name in RULES[kind].members}
    if kind in NAMED_ACTORS:
        shown |= {"createdBy": person_name(row.created_by), "updatedBy": person_name(row.updated_by)}
    else:
        shown |= {"createdBy": id_text(row.created_by_id), "updatedBy": id_text(row.updated_by_id)}
    if kind not in WITHOUT_SCHEMA:
        shown["schema"] = row.schema
    if kind not in WITHOUT_LOGIC:
        shown["logic"] = row.logic
    return {
        **shown,
        "published": row.published,
        "connectorId": str(component.connector_id),
        VIRTUAL_IDS[kind]: str(component.pk),
        "insertedAt": naive_stamp(row.created_at),
        "updatedAt": naive_stamp(row.updated_at),
    }


def person_name(user: EndUser | None) -> str | None:
    return (user.name or user.external_id) if user else None


def id_text(value: uuid.UUID | None) -> str | None:
    return str(value) if value else None
