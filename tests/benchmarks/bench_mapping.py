"""Records a second of the six-field mapping, beside a hand-written function over the same records.

    python -m tests.benchmarks.bench_mapping [--records 20000] [--rounds 5]

Rounds go in turn, medians are printed: the machine drifts, the ratio counts. Processor time is what is measured, so
that neighbours do not. Targets: plain fields 300,000 records/s; templates with helpers 200,000.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from apps.engine.conditions.celigo import compile_filter
from apps.engine.mapping import RecordContext, compile_mapping
from apps.engine.records import PageCutter

Page = list[dict[str, Any]]


def record(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "first_name": f"First{number % 97}",
        "last_name": f"Last{number % 89}",
        "email": f"User{number}@Example.com",
        "amount_cents": number * 37 % 100_000,
        "status": "active" if number % 3 else "inactive",
        "address": {"city": f"City{number % 50}", "zip": f"{number % 100_000:05d}"},
        "tags": ["a", "b"],
    }


def node(name: str, data_type: str, extract: str, **more: Any) -> dict[str, Any]:
    return {"generate": name, "dataType": data_type, "extract": extract, "status": "Active", **more}


PLAIN = [
    node("external_id", "number", "$.id"),
    node("full_name", "string", "$.first_name"),
    node("email", "string", "$.email"),
    node("amount", "number", "$.amount_cents"),
    node("city", "string", "$.address.city"),
    node("active", "string", "$.status"),
]
CONVERTING = [node("external_id", "string", "$.id"), *PLAIN[1:4], node("zip", "number", "$.address.zip"), PLAIN[5]]
TEMPLATED = [*PLAIN[:1], node("full_name", "string", "{{record.first_name}} {{record.last_name}}"), *PLAIN[2:]]
HELPED = [
    node("external_id", "number", "$.id"),
    node("full_name", "string", "{{record.first_name}} {{record.last_name}}"),
    node("email", "string", "{{lowercase record.email}}"),
    node("amount", "number", "{{divide record.amount_cents 100}}"),
    node("city", "string", "$.address.city"),
    node("active", "boolean", '{{eq record.status "active"}}'),
]
HELPED_OLD = {"fields": [{**n, "extract": n["extract"].removeprefix("$.").replace("record.", "")} for n in HELPED]}
LINES = [
    *PLAIN,
    {
        "generate": "tags",
        "dataType": "objectarray",
        "status": "Active",
        "buildArrayHelper": [{"extract": "$.tags[*]", "mappings": [node("t", "string", "$.tags")]}],
    },
]
OLD = {"fields": [{"extract": n["extract"][2:], "generate": n["generate"]} for n in PLAIN]}
FILTER = {
    "rules": ["and", ["equals", ["extract", "status"], "active"], ["greaterthan", ["number", ["extract", "id"]], 5]]
}


def by_hand(page: Page) -> Page:
    return [
        {
            "external_id": r.get("id"),
            "full_name": r.get("first_name"),
            "email": r.get("email"),
            "amount": r.get("amount_cents"),
            "city": (r.get("address") or {}).get("city"),
            "active": r.get("status"),
        }
        for r in page
    ]


def helped_by_hand(page: Page) -> Page:
    return [
        {
            "external_id": r["id"],
            "full_name": r["first_name"] + " " + r["last_name"],
            "email": r["email"].lower(),
            "amount": r["amount_cents"] / 100,
            "city": r["address"]["city"],
            "active": r["status"] == "active",
        }
        for r in page
    ]


def candidates() -> dict[str, Callable[[Page], Any]]:
    context = RecordContext()
    mappers = {
        "version 2, six plain fields": compile_mapping(PLAIN),
        "version 1, six plain fields": compile_mapping(OLD, version=1),
        "version 2, two conversions": compile_mapping(CONVERTING),
        "version 2, one template": compile_mapping(TEMPLATED),
        "version 2, four templates": compile_mapping(HELPED),
        "version 1, four templates, bare names": compile_mapping(HELPED_OLD, version=1),
        "version 2, an array of two objects": compile_mapping(LINES),
    }
    keep = compile_filter(FILTER)
    cutter = PageCutter(page_size=1_000)
    return {
        "by hand (yardstick)": by_hand,
        "by hand, for the four templates": helped_by_hand,
        **{name: lambda page, mapper=mapper: mapper.map_page(page, context) for name, mapper in mappers.items()},
        "filter, two conditions": lambda page: [r for r in page if keep(r, context)],
        "cutting pages of 1,000": lambda page: cutter.cut(page, last=True),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    page = [record(number) for number in range(options.records)]
    runs = candidates()
    assert runs["version 2, six plain fields"](page[:50]) == by_hand(page[:50])
    for name in ("version 2, four templates", "version 1, four templates, bare names"):
        assert runs[name](page[:50]) == helped_by_hand(page[:50])
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(options.rounds):
        for name, run in runs.items():
            started = time.process_time()
            run(page)
            rates[name].append(len(page) / (time.process_time() - started))
    yardstick = statistics.median(rates["by hand (yardstick)"])
    for name, measured in rates.items():
        rate = statistics.median(measured)
        print(f"{name:40} {rate:12,.0f} records/s  {rate / yardstick:6.0%}")


if __name__ == "__main__":
    main()
