"""`manual`: a person or a client starts it, with args that its inputSchema describes."""

import uuid
from typing import Any

from apps.automations.errors import fault
from apps.automations.models import Type
from apps.automations.triggers.registry import Document, TriggerKind
from apps.engine import schemas

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"inputSchema": {"type": ["object", "null"]}},
}


def check(document: Document, at: str, organization_id: uuid.UUID) -> None:
    try:
        schemas.check_schema(document.get("inputSchema") or {})
    except schemas.SchemaError as error:
        where = f"{at}.inputSchema"
        raise fault(f"{where}.{error.path}" if error.path else where, error.reason) from None


KIND = TriggerKind(name="manual", schema=SCHEMA, types=frozenset({Type.SELF_SERVICE, Type.AUTOMATION}), check=check)
