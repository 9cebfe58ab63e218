"""Securities: how a connector authenticates. Secrets of the configuration go to the vault and read back as `******`."""

import uuid
from typing import Any

from django.db import transaction

from apps.connectors import securities
from apps.connectors.models import Connector, Security
from apps.connectors.services.saving import apply, insert, locked, remove
from apps.core.errors import ValidationError
from apps.core.ids import new_id


@transaction.atomic
def create_security(
    *, connector: Connector, type: str, name: str = "", id: uuid.UUID | None = None, **fields: Any
) -> Security:
    """`fields`: document ({label, scheme, config}, secrets in the open). The first one is its versions' default."""
    _check_type(type)
    row = Security(organization_id=connector.organization_id, connector=connector, type=type, **fields)
    row.id = id or new_id()
    row.name = name or str(row.id)
    row.document, row.secret = securities.seal(row.document, security_id=row.id)
    insert(row, taken=f"{connector} has the security {name} already.")
    connector.versions.filter(default_security=None).update(default_security=row)
    return row


@transaction.atomic
def change_security(*, security: Security, **fields: Any) -> Security:
    """`******` in the configuration keeps what is stored there."""
    security = locked(security)
    if "type" in fields:
        _check_type(fields["type"])
    if "document" in fields:
        fields["document"], fields["secret"] = securities.seal(
            fields["document"], security_id=security.id, previous=bytes(security.secret)
        )
    return apply(security, fields, taken=f"{security.connector} has the security {fields.get('name')} already.")


@transaction.atomic
def delete_security(*, security: Security) -> None:
    remove(security, shown=f"The security {security}")


def _check_type(type: str) -> None:
    if type not in Security.Type.values:
        raise ValidationError(f"type must be one of {', '.join(Security.Type.values)}, not {type!r}.", field="type")
