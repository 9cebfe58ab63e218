"""The sample shop's books: 400 customers and 3,000 orders, the same on every machine, a few bad on purpose.

The surprise: nothing is stored or drawn by lot. A row's values follow from its number.
"""

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

Choice = TypeVar("Choice")

CUSTOMERS, ORDERS = 400, 3000
FIRST_ORDER = datetime(2026, 1, 5, 8, tzinfo=UTC)
BETWEEN_ORDERS = timedelta(minutes=113)

# What is wrong, by order or customer number.
UNKNOWN_CUSTOMERS = {92: "C-1999", 1507: "C-2000", 2611: "C-0"}
UNREADABLE_AMOUNTS = {417: "n/a", 1288: "to be agreed", 2054: "€ 84,50", 2733: "twelve"}
UNREADABLE_EMAILS = {311: "lena.park at example.com", 356: "orders@", 389: "none"}

FIRST_NAMES = [
    "Aino", "Bruno", "Chloe", "David", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Katya", "Lena", "Marco",
    "Nora", "Omar", "Petra",
]  # fmt: skip
LAST_NAMES = [
    "Almeida", "Berg", "Costa", "Dahl", "Evans", "Fischer", "Garcia", "Haas", "Ito", "Jensen", "Kowalski", "Laine",
    "Moreau", "Novak", "Park",
]  # fmt: skip
BUSINESSES = [
    "Bakery", "Books", "Cafe", "Cycles", "Design", "Farm", "Gallery", "Garden", "Hotel", "Kitchen", "Outdoor",
    "Pharmacy", "Studio", "Toys",
]  # fmt: skip
PLACES = [
    ("Helsinki", "FI", "EUR"), ("Berlin", "DE", "EUR"), ("Lyon", "FR", "EUR"), ("Leeds", "GB", "GBP"),
    ("Porto", "PT", "EUR"), ("Malmö", "SE", "SEK"), ("Turin", "IT", "EUR"), ("Zurich", "CH", "CHF"),
]  # fmt: skip
PRODUCTS = [
    ("TEA-GREEN-100", "Green tea, 100 g", 690), ("TEA-EARL-250", "Earl Grey, 250 g", 1250),
    ("COF-HOUSE-500", "House blend, 500 g", 1190), ("COF-DECAF-500", "Decaf, 500 g", 1290),
    ("MUG-BLUE", "Mug, blue", 1400), ("MUG-WHITE", "Mug, white", 1400), ("POT-GLASS", "Glass pot, 1 l", 3900),
    ("FILTER-4", "Paper filters, no. 4", 450), ("GRINDER-H", "Hand grinder", 5900), ("SCALE-01", "Kitchen scale", 2750),
]  # fmt: skip


@cache
def customers() -> dict[str, dict[str, Any]]:
    return {customer["id"]: customer for customer in map(customer_of, range(1, CUSTOMERS + 1))}


@cache
def orders() -> Sequence[dict[str, Any]]:
    return tuple(map(order_of, range(1, ORDERS + 1)))


def customer_of(number: int) -> dict[str, Any]:
    first, last = pick(FIRST_NAMES, "first", number), pick(LAST_NAMES, "last", number)
    city, country, currency = pick(PLACES, "place", number)
    email = f"{first}.{last}.{number}@example.com".lower()
    return {
        "id": customer_id(number),
        "name": f"{first} {last}",
        "company": f"{last} {pick(BUSINESSES, 'business', number)}",
        "email": UNREADABLE_EMAILS.get(number, email),
        "city": city,
        "country": country,
        "currency": currency,
    }


def order_of(number: int) -> dict[str, Any]:
    share = scatter("customer", number) / 2**32
    buyer = 1 + int(CUSTOMERS * share * share)  # some buy often, most now and then
    lines = [line_of(number, line) for line in range(1 + scatter("lines", number) % 4)]
    amount = sum(line["quantity"] * line["price"] for line in lines)
    return {
        "number": f"SO-{100_000 + number}",
        "placed_at": (FIRST_ORDER + number * BETWEEN_ORDERS).isoformat().replace("+00:00", "Z"),
        "customer_id": UNKNOWN_CUSTOMERS.get(number, customer_id(buyer)),
        "lines": lines,
        "amount": UNREADABLE_AMOUNTS.get(number, f"{amount:.2f}"),
        "currency": customer_of(buyer)["currency"],
    }


def line_of(order: int, line: int) -> dict[str, Any]:
    sku, name, cents = pick(PRODUCTS, "product", order, line)
    return {"sku": sku, "name": name, "quantity": 1 + scatter("quantity", order, line) % 5, "price": cents / 100}


def customer_id(number: int) -> str:
    return f"C-{1000 + number}"


def pick(choices: Sequence[Choice], *about: object) -> Choice:
    return choices[scatter(*about) % len(choices)]


def scatter(*about: object) -> int:
    """32 bits that look random and are always the same."""
    return zlib.crc32(repr(about).encode())
