"""Writing connectors and their versions."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps.connectors import services
from apps.connectors.authoring.author import Author, chosen_id, fresh_id, own_name
from apps.connectors.models import Connector, ConnectorVersion
from apps.connectors.resolve import find_security, find_version
from apps.core.actors import Verb
from apps.core.errors import NotFoundError, ValidationError

DEFAULTS: Mapping[str, Any] = {
    "type": "0",
    "sharing": "none",
    "icon": None,
    "platformId": "interactor",
    "displayOrder": 100,
}
MAX_BASE_URL = 500


@transaction.atomic
def create_connector(*, author: Author, body: Mapping[str, Any]) -> Connector:
    author.actor.require(Verb.EDIT)
    row_id = fresh_id(chosen_id(body))
    row = services.create_connector(
        organization_id=author.actor.organization_id,
        id=row_id,
        name=body.get("name") or own_name("connector", row_id),
        enabled=body.get("enabled", True),
        document={name: body[name] for name in DEFAULTS if name in body},
        created_by=author.user,
        updated_by=author.user,
    )
    author.log("create", row, kind="connector")
    return row


@transaction.atomic
def update_connector(*, author: Author, connector: Connector, body: Mapping[str, Any]) -> Connector:
    author.require(Verb.EDIT, connector)
    fields: dict[str, Any] = {name: body[name] for name in ("name", "enabled") if name in body}
    fields["document"] = {**connector.document, **{name: body[name] for name in DEFAULTS if name in body}}
    if body.get("defaultVersionId"):
        fields["default_version"] = _picked(find_version, connector, body["defaultVersionId"], "defaultVersionId")
    before = snapshot(connector)
    row = services.change_connector(connector=connector, **fields, updated_by=author.user)
    author.log("update", row, kind="connector", before=before, after=snapshot(row))
    return row


@transaction.atomic
def publish_connector(*, author: Author, connector: Connector, contributor: str) -> Connector:
    author.require(Verb.EDIT, connector)
    if len(contributor) > 255 or "\0" in contributor:
        raise ValidationError("contributor_id must be a text of at most 255 characters.", field="contributor_id")
    row = services.publish_connector(connector=connector, contributor=contributor)
    author.log("publish", row, kind="connector")
    return row


@transaction.atomic
def delete_connector(*, author: Author, connector: Connector) -> None:
    author.require(Verb.DELETE, connector)
    author.log("delete", connector, kind="connector")
    services.delete_connector(connector=connector)


@transaction.atomic
def create_version(*, author: Author, connector: Connector, body: Mapping[str, Any]) -> ConnectorVersion:
    author.require(Verb.EDIT, connector)
    row = services.create_version(
        connector=connector,
        id=fresh_id(chosen_id(body)),
        name=body.get("name", ""),
        published=body.get("published", False),
        created_by=author.user,
        updated_by=author.user,
        **_version_fields(connector, body),
    )
    author.log("create", row, kind="connectorVersion")
    return row


@transaction.atomic
def update_version(*, author: Author, version: ConnectorVersion, body: Mapping[str, Any]) -> ConnectorVersion:
    author.require(Verb.EDIT, version.connector)
    fields = {name: body[name] for name in ("name", "published") if name in body}
    before = version_snapshot(version)
    row = services.change_version(
        version=version, **fields, **_version_fields(version.connector, body, version), updated_by=author.user
    )
    author.log("update", row, kind="connectorVersion", before=before, after=version_snapshot(row))
    return row


@transaction.atomic
def publish_version(*, author: Author, version: ConnectorVersion) -> ConnectorVersion:
    author.require(Verb.EDIT, version.connector)
    row = services.publish_version(version=version)
    author.log("publish", row, kind="connectorVersion")
    return row


@transaction.atomic
def delete_version(*, author: Author, version: ConnectorVersion) -> None:
    author.require(Verb.DELETE, version.connector)
    author.log("delete", version, kind="connectorVersion")
    services.delete_version(version=version)


def setting_of(version: ConnectorVersion) -> dict[str, Any]:
    """As it was written; the base address of the library's is a column of its own."""
    setting: dict[str, Any] = version.document.get("setting") or {}
    return {**setting, "baseUrl": version.base_url} if version.base_url else setting


def snapshot(row: Connector) -> dict[str, Any]:
    default = str(row.default_version_id) if row.default_version_id else None
    return {"name": row.name, "enabled": row.enabled, "defaultVersionId": default, **row.document}


def version_snapshot(row: ConnectorVersion) -> dict[str, Any]:
    return {
        "name": row.name,
        "published": row.published,
        "label": row.label,
        "logic": row.logic,
        "setting": setting_of(row),
    }


def _version_fields(
    connector: Connector, body: Mapping[str, Any], version: ConnectorVersion | None = None
) -> dict[str, Any]:
    fields: dict[str, Any] = {name: body[name] for name in ("label", "logic") if name in body}
    if "setting" in body and (version is None or body["setting"] != setting_of(version)):  # an echo is no change
        base_url = body["setting"].get("baseUrl", "")
        if not isinstance(base_url, str) or len(base_url) > MAX_BASE_URL:
            raise ValidationError(
                f"setting.baseUrl must be a text of at most {MAX_BASE_URL} characters.", field="setting.baseUrl"
            )
        fields["base_url"] = base_url
        fields["document"] = {**(version.document if version else {}), "setting": body["setting"]}
    if body.get("defaultConnectorSecurityId"):
        name = "defaultConnectorSecurityId"
        fields["default_security"] = _picked(find_security, connector, body[name], name)
    return fields


def _picked(find: Any, connector: Connector, text: str, field: str) -> Any:
    try:
        return find(connector, text)
    except NotFoundError as error:
        raise ValidationError(f"{field}: {error.message}", field=field) from None
