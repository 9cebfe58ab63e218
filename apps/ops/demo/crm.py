"""The sample CRM: takes orders one by one or in a list, refuses what it cannot read, and knows a repeat by its key."""

import re
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from apps.ops.models import DemoOrder

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", re.IGNORECASE)
NUMBER = re.compile(r"[A-Za-z0-9-]{1,40}")
CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True)
class Receipt:
    """What one order is answered."""

    status: int  # 201 created, 200 known already, 422 refused
    id: str = ""
    error: str = ""

    def shown(self) -> dict[str, Any]:
        return {"status": self.status, **({"error": self.error} if self.error else {"id": self.id})}


def receive(orders: list[Any], *, key: str) -> list[Receipt]:
    """Stores the orders that it can read, all at once. An order that it has is brought up to date, not doubled."""
    reasons = [why_refused(order) for order in orders]
    good = {order["number"]: order for order, reason in zip(orders, reasons, strict=True) if not reason}
    with transaction.atomic():
        known = DemoOrder.objects.select_for_update().in_bulk(list(good))
        rows = [row_of(order, key=key, known=known.get(number)) for number, order in good.items()]
        fields = ["document", "idempotency_key", "received", "repeated"]
        DemoOrder.objects.bulk_create(rows, update_conflicts=True, unique_fields=["number"], update_fields=fields)
    return [
        Receipt(422, error=reason)
        if reason
        else Receipt(200 if order["number"] in known else 201, id=f"crm-{order['number']}")
        for order, reason in zip(orders, reasons, strict=True)
    ]


def row_of(order: dict[str, Any], *, key: str, known: DemoOrder | None) -> DemoOrder:
    if known is None:
        return DemoOrder(number=order["number"], document=order, idempotency_key=key)
    again = bool(key) and key == known.idempotency_key
    return DemoOrder(
        number=known.number,
        document=order,
        idempotency_key=key,
        received=known.received + 1,
        repeated=known.repeated + again,
    )


def why_refused(order: Any) -> str:
    if not isinstance(order, dict):
        return "An order is an object."
    number, total, currency = order.get("number"), order.get("total"), order.get("currency")
    if not isinstance(number, str) or not NUMBER.fullmatch(number):
        return "number: must be letters, digits and dashes."
    if isinstance(total, bool) or not isinstance(total, int | float) or total < 0:
        return "total: must be a number, 0 or more."
    if not isinstance(currency, str) or not CURRENCY.fullmatch(currency):
        return "currency: must be a code such as EUR."
    customer = order.get("customer")
    email = customer.get("email") if isinstance(customer, dict) else None
    if not isinstance(email, str) or not EMAIL.fullmatch(email):
        return f"customer.email: {str(email)[:60]!r} is not an e-mail address."
    return ""
