"""Stores the library's declarations under the system organization, as often as wanted, in any number of processes.

Published versions never change: a declaration that differs from what was published under its version is refused, so
that what runs on it keeps running on what it was pinned to.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from apps.accounts.models import Organization
from apps.accounts.services import create_organization
from apps.connectors import services
from apps.connectors.library.declare import Library, Part, Token, libraries
from apps.connectors.models import Component, ComponentVersion, Connector, ConnectorVersion, Security
from apps.core.errors import ConflictError

SYSTEM_NAME = "Library"
INSTALL_LOCK = 0x6A756E63
Stored = ConnectorVersion | ComponentVersion | Security


@dataclass
class Installed:
    """How many rows a run has added."""

    connectors: int = 0
    versions: int = 0
    parts: int = 0


@transaction.atomic
def install_library(found: list[Library] | None = None) -> Installed:
    """Adds what is new. Raises ConflictError naming the declaration that was changed in place."""
    _one_at_a_time()
    added = Installed()
    organization = system_organization()
    for library in libraries() if found is None else found:
        _install(library, organization=organization, added=added)
    return added


def system_organization() -> Organization:
    """The read-only owner of the library, made when first asked for."""
    found = Organization.objects.filter(is_system=True).order_by("id").first()
    return found or create_organization(name=SYSTEM_NAME, is_system=True)


def _install(library: Library, *, organization: Organization, added: Installed) -> None:
    connector = Connector.objects.filter(organization=organization, name=library.name).first()
    if connector is None:
        connector = services.create_connector(
            organization_id=organization.id,
            name=library.name,
            label={"en": library.label},
            document={"type": "0", "sharing": "all", "description": library.description},
        )
        added.connectors += 1
    securities = [_security(token, connector=connector) for token in library.securities]
    version = ConnectorVersion.objects.filter(connector=connector, name=library.version).first()
    default_security = securities[0] if securities else None
    declared: dict[str, Any] = {
        "label": {"en": library.label},
        "base_url": library.base_url,
        "logic": dict(library.logic),
    }
    if version is None:
        version = services.create_version(
            connector=connector, name=library.version, default_security=default_security, **declared
        )
        services.publish_version(version=version)
        Connector.objects.filter(pk=connector.pk).update(default_version=version)
        added.versions += 1
    else:
        _refuse_change(version, declared, shown=f"{library.name} {library.version}")
    for part in library.parts():
        added.parts += _part(part, connector=connector)


def _security(token: Token, *, connector: Connector) -> Security:
    document = {"label": {"en": token.label}, "scheme": token.config.get("scheme", ""), "config": dict(token.config)}
    found = connector.securities.filter(name=token.name).first()
    if found is None:
        return services.create_security(connector=connector, name=token.name, type=token.type, document=document)
    _refuse_change(found, {"type": token.type, "document": document}, shown=f"{connector.name} {token.name}")
    return found


def _part(part: Part, *, connector: Connector) -> bool:
    declared: dict[str, Any] = {
        "label": {"en": part.label},
        "schema": {"variables": dict(part.variables), "output": dict(part.output), **part.extra_schema},
        "logic": dict(part.logic),
        "document": {"description": part.description, **part.document},
    }
    component = Component.objects.filter(connector=connector, kind=part.kind, name=part.name).first()
    if component is None:
        services.create_component(
            connector=connector, kind=part.kind, name=part.name, version=part.version, published=True, **declared
        )
        return True
    version = component.versions.filter(name=part.version).first()
    if version is None:
        services.create_component_version(component=component, version=part.version, published=True, **declared)
        return True
    _refuse_change(version, declared, shown=f"{connector.name}.{part.name} {part.version}")
    return False


def _refuse_change(row: Stored, declared: dict[str, Any], *, shown: str) -> None:
    changed = [name for name, value in declared.items() if getattr(row, name) != value]
    if changed:
        raise ConflictError(
            f"{shown} was published with another {', '.join(changed)}: declare the change as a new version.",
            code="published_changed",
        )


def _one_at_a_time() -> None:
    """Two processes that start at once must not both add the same rows. SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [INSTALL_LOCK])
