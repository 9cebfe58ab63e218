"""An end user's credentials: each is that user's connection to a connector. Which one a call runs on; keeping them."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Case, QuerySet, Value, When

from apps.accounts.models import EndUser
from apps.audit import services as audit
from apps.connections import bundles, marks, tokens
from apps.connections.access import parked_on
from apps.connections.models import Connection
from apps.connections.secrets import seal, unseal
from apps.connectors.models import Connector, ConnectorVersion, Security
from apps.core.actors import Actor, Verb
from apps.core.errors import NotFoundError, ValidationError
from apps.core.ids import new_id, parse_id
from apps.work import services as work


def needs_credential(connector: Connector) -> bool:
    return connector.securities.exclude(type=Security.Type.NONE).exists()


def find_credential(
    *, end_user: EndUser, connector: Connector, version: ConnectorVersion, credential_id: object = None
) -> Connection:
    """The named one, else the newest of the version's default security. Raises NotFoundError or ValidationError."""
    rows = Connection.objects.filter(
        organization_id=end_user.organization_id, end_user=end_user, connector=connector
    ).select_related("security")
    if credential_id:
        row_id = parse_id(credential_id)
        named = rows.filter(pk=row_id).first() if row_id else None
        if named is None:
            raise NotFoundError(f"Credential {credential_id} was not found.", field="userCredentialId")
        return named
    found = _default_first(rows, version).first()
    if found is None:
        raise ValidationError(
            f"User {end_user.external_id} has no credential for the connector {connector.name}.",
            field="userCredentialId",
            code="missing_credential",
        )
    return found


def _default_first(rows: "QuerySet[Connection]", version: ConnectorVersion) -> "QuerySet[Connection]":
    if version.default_security_id is None:
        return rows.order_by("-id")
    default = Case(When(security_id=version.default_security_id, then=Value(0)), default=Value(1))
    return rows.order_by(default, "-id")


def credentials_of(end_user: EndUser, *, connector: Connector | None = None) -> "QuerySet[Connection]":
    rows = Connection.objects.filter(organization_id=end_user.organization_id, end_user=end_user)
    rows = rows.filter(connector=connector) if connector else rows.exclude(connector=None)
    return rows.select_related("security")


def find_token(text: object, *, end_user: EndUser, connector: Connector) -> Connection:
    row_id = parse_id(text)
    rows = credentials_of(end_user, connector=connector)
    found = rows.filter(pk=row_id).first() if row_id else None
    if found is None:
        raise NotFoundError(f"Token {text} was not found.", field="tokenId")
    return found


def find_security(text: object, *, organization_id: uuid.UUID) -> Security:
    """By id, or by the id its author gave it, where only one of the organization's connectors has such."""
    row_id = parse_id(text)
    rows = Security.objects.select_related("connector")
    found = list(rows.visible_to(organization_id).filter(pk=row_id)) if row_id else []
    if not found and isinstance(text, str) and "\0" not in text:
        found = list(rows.filter(organization_id=organization_id, name=text)[:2])
    if len(found) > 1:
        raise ValidationError(
            f"Several connectors have a security {text}: name it by its own id.", field="connectorSecurityId"
        )
    if not found:
        raise NotFoundError(f"Security {text} was not found.", field="connectorSecurityId")
    return found[0]


def store_credential(
    *,
    actor: Actor,
    end_user: EndUser,
    security: Security,
    form: str,
    values: Mapping[str, Any],
    name: str = "",
    base_uri: str = "",
    oauth: Mapping[str, Any] | None = None,
) -> Connection:
    """`values` as `bundles` has read them; `oauth`: what a hook has laid over the security's settings."""
    row = Connection(
        id=new_id(),
        organization_id=end_user.organization_id,
        name=(name or end_user.email or end_user.external_id)[:200],
        type="http",
        connector=security.connector,
        security=security,
        end_user=end_user,
    )
    document = bundles.document_of(form, values, base_uri=checked_address(base_uri), oauth=oauth)
    row.document, row.secret = seal(document, type=row.type, connection_id=row.id)
    with transaction.atomic():
        row.save(force_insert=True)
        note(actor, "create", row)
        if form == "oauth":
            tokens.plan_renewal(row, dict(values))
    return row


def values_of(row: Connection) -> tuple[str, dict[str, Any]]:
    """(form, values), secrets in place."""
    return bundles.bundle_of(unseal(row.document, bytes(row.secret), type=row.type, connection_id=row.id))


def change_credential(
    *,
    actor: Actor,
    credential: Connection,
    name: str | None = None,
    form: str = "",
    values: Mapping[str, Any] | None = None,
    base_uri: str | None = None,
) -> Connection:
    """What is not said stays. New values end a wait for a new consent."""
    actor.require(Verb.EDIT)
    with transaction.atomic():
        row = Connection.objects.select_for_update(of=("self",)).select_related("security").get(pk=credential.pk)
        if name is not None:
            row.name = name[:200]
        if values is not None or base_uri is not None:
            _rewrite(row, form=form, values=values, base_uri=base_uri)
        row.revision += 1
        row.save()
        note(actor, "update", row)
    return row


def _rewrite(row: Connection, *, form: str, values: Mapping[str, Any] | None, base_uri: str | None) -> None:
    whole = unseal(row.document, bytes(row.secret), type=row.type, connection_id=row.id)
    stored_form, stored = bundles.bundle_of(whole)
    address = whole["http"].get("baseURI", "") if base_uri is None else checked_address(base_uri)
    document = bundles.document_of(
        form or stored_form,
        stored if values is None else values,
        base_uri=address,
        oauth=tokens.auth_of(whole).get("oauth"),
    )
    row.document, row.secret = seal(document, type=row.type, connection_id=row.id)
    if values is None:
        return
    if (form or stored_form) == "oauth":
        tokens.plan_renewal(row, dict(values))
    if row.needs_reconnect or row.offline_since:
        row.needs_reconnect = False
        Connection.objects.filter(pk=row.pk).update(needs_reconnect=False)
        marks.mark_online(connection_id=row.id, organization_id=row.organization_id)
        row.offline_since, row.offline_reason = None, ""


def delete_credential(*, actor: Actor, credential: Connection) -> None:
    """Work that waits for it goes on, and fails by its absence."""
    actor.require(Verb.DELETE)
    with transaction.atomic():
        note(actor, "delete", credential)
        work.unpark(parked_on(credential.id))
        work.drop_target(kind=tokens.WORK, target_id=credential.id)
        credential.delete()


def checked_address(text: str) -> str:
    address = text.strip()
    if not address:
        return ""
    if not address.startswith(("http://", "https://")) or not address.isprintable() or " " in address:
        raise ValidationError(
            "connectorUrl must be an address that starts with http:// or https://.", field="connectorUrl"
        )
    return address


def note(actor: Actor, event: str, row: Connection) -> None:
    audit.record(actor=actor, event=event, resource_type="connection", resource_id=row.id, resource_name=row.name)
