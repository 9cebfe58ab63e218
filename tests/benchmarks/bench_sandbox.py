"""Milliseconds a page of the JavaScript sandbox, beside the same mapping in plain Python in the same run.

Run: python -m tests.benchmarks.bench_sandbox
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from apps.engine.sandbox import Limits, Sandbox

SOURCE = """function preMap(options) {
  return options.data.map((r) => ({
    data: { id: r.id, name: r.name.toUpperCase(), total: r.amount * 2, city: r.address.city, first: r.tags[0], n: 1 },
  }));
}"""


def records(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": n,
            "name": f"name {n}",
            "amount": n * 1.5,
            "address": {"city": "Oslo", "zip": "0150"},
            "tags": ["a", "b"],
        }
        for n in range(count)
    ]


def in_python(page: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "data": {
                "id": r["id"],
                "name": r["name"].upper(),
                "total": r["amount"] * 2,
                "city": r["address"]["city"],
                "first": r["tags"][0],
                "n": 1,
            }
        }
        for r in page
    ]


def median_ms(work: Callable[[], object], *, rounds: int = 20) -> float:
    took = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return statistics.median(took) * 1000


def main() -> None:
    sandbox = Sandbox(Limits(seconds=30))
    start = time.perf_counter()
    sandbox.warm_up()
    sys.stdout.write(f"cold start of a process   {(time.perf_counter() - start) * 1000:9.1f} ms\n")
    start = time.perf_counter()
    sandbox.run_function(SOURCE, "preMap", {"data": []})
    sys.stdout.write(f"first call of a script    {(time.perf_counter() - start) * 1000:9.1f} ms\n")
    sys.stdout.write(
        f"empty call                {median_ms(lambda: sandbox.run_function('function f() {}', 'f', None)):9.1f} ms\n"
    )
    for count in (100, 1_000, 10_000):
        page = records(count)
        guest = median_ms(lambda page=page: sandbox.run_function(SOURCE, "preMap", {"data": page}), rounds=10)
        plain = median_ms(lambda page=page: in_python(page), rounds=10)
        sys.stdout.write(f"page of {count:6d} records    {guest:9.1f} ms   plain Python {plain:7.2f} ms\n")


if __name__ == "__main__":
    main()
