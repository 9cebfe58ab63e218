"""Versions of connectors. The first is the connector's default; a published one takes over from a default draft."""

from typing import Any

from django.db import transaction

from apps.connectors import versions
from apps.connectors.models import Connector, ConnectorVersion
from apps.connectors.services.saving import apply, changes_of, insert, locked, remove
from apps.connectors.validation import check_logic
from apps.core.clock import now
from apps.core.errors import ConflictError

VERSION_HOOKS = ("auth", "oauth", "error")


@transaction.atomic
def create_version(*, connector: Connector, name: str = "", **fields: Any) -> ConnectorVersion:
    """`fields`: id, label, base_url, logic, document, default_security, created_by, updated_by, published.

    Unnamed: the next major one. A name is kept as it is spelled, but `2` and `2.0.0` are one name.
    """
    connector = locked(connector)
    if not name or name in versions.BUMPS:
        known = list(connector.versions.order_by("created_at").values_list("name", flat=True))
        name = versions.next_name(versions.highest(known), name or "major")
    versions.check_name(name)
    check_logic(fields.get("logic") or {}, hooks=VERSION_HOOKS)
    _refuse_taken(connector, name)
    if fields.get("default_security") is None:
        fields["default_security"] = connector.securities.order_by("created_at").first()
    publish = fields.pop("published", False)
    version = insert(
        ConnectorVersion(organization_id=connector.organization_id, connector=connector, name=name, **fields),
        taken=f"{connector} has a version {name} already.",
    )
    if connector.default_version_id is None:
        Connector.objects.filter(pk=connector.pk).update(default_version=version)
    return publish_version(version=version) if publish else version


@transaction.atomic
def change_version(*, version: ConnectorVersion, **fields: Any) -> ConnectorVersion:
    """`published` True publishes it as well; False is a conflict for a published one."""
    version = locked(version)
    publish = fields.get("published") is True
    changes = changes_of(version, fields)
    changes.pop("published", None)
    check_logic(changes.get("logic") or {}, hooks=VERSION_HOOKS)
    if "name" in changes:
        versions.check_name(changes["name"])
        _refuse_taken(version.connector, changes["name"], but=version)
    if changes:
        apply(version, changes, taken=f"{version.connector} has a version {changes.get('name')} already.")
    return publish_version(version=version) if publish else version


@transaction.atomic
def publish_version(*, version: ConnectorVersion) -> ConnectorVersion:
    """Freezes it. It becomes the connector's default unless that is published already. Repeating is harmless."""
    ConnectorVersion.objects.filter(pk=version.pk).update(published=True)
    connector = locked(version.connector)
    connector.published_at = connector.published_at or now()
    default = connector.default_version
    if default is None or not default.published:
        connector.default_version = version
    connector.save(update_fields=["published_at", "default_version", "updated_at"])
    version.published = True
    return version


@transaction.atomic
def delete_version(*, version: ConnectorVersion) -> None:
    """Removes a version, published or not: what is pinned to it fails by name from then on."""
    connector = locked(version.connector)
    was_default = connector.default_version_id == version.pk
    remove(version, shown=f"Version {version}")
    if was_default:
        rest = connector.versions.order_by("-published", "-created_at", "-id").first()
        Connector.objects.filter(pk=connector.pk).update(default_version=rest)


def _refuse_taken(connector: Connector, name: str, *, but: ConnectorVersion | None = None) -> None:
    rows = connector.versions.filter(name__in=versions.spellings(name))
    if (rows.exclude(pk=but.pk) if but else rows).exists():
        raise ConflictError(f"{connector} has a version {name} already.", field="name")
