"""Writing securities. Their ids may be chosen by their authors; one that is no UUID is kept as a name beside it."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps.connectors import services
from apps.connectors.authoring.author import Author
from apps.connectors.models import Connector, Security
from apps.core.actors import Verb
from apps.core.errors import ValidationError
from apps.core.ids import parse_id

DEFAULTS: Mapping[str, Any] = {"label": {}, "scheme": "", "config": {}}


@transaction.atomic
def create_security(*, author: Author, connector: Connector, body: Mapping[str, Any], text: str = "") -> Security:
    """`text`: the id that its author chose."""
    author.require(Verb.EDIT, connector)
    if len(text) > 255 or "\0" in text:
        raise ValidationError("securityId must be a text of at most 255 characters.", field="securityId")
    row = services.create_security(
        connector=connector,
        type=body["type"],
        name=text,
        id=parse_id(text),
        document={name: body.get(name, default) for name, default in DEFAULTS.items()},
    )
    author.log("create", row, kind="security")
    return row


@transaction.atomic
def update_security(*, author: Author, security: Security, body: Mapping[str, Any]) -> Security:
    author.require(Verb.EDIT, security.connector)
    before = snapshot(security)
    fields: dict[str, Any] = {"type": body["type"]} if "type" in body else {}
    fields["document"] = {**security.document, **{name: body[name] for name in DEFAULTS if name in body}}
    row = services.change_security(security=security, **fields)
    author.log("update", row, kind="security", before=before, after=snapshot(row))
    return row


@transaction.atomic
def delete_security(*, author: Author, security: Security) -> None:
    author.require(Verb.DELETE, security.connector)
    author.log("delete", security, kind="security")
    services.delete_security(security=security)


def snapshot(row: Security) -> dict[str, Any]:
    return {"type": row.type, **row.document}
