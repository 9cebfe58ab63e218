"""Milliseconds of a program of forty small steps (the tenth Fibonacci number) without a database.

Run: python -m tests.benchmarks.bench_logic
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

from apps.engine.logic import compile_logic

FIBONACCI = {
    "steps": [
        {"set": {"a": 0, "b": 1}},
        {
            "each": 10,
            "steps": [
                {"set": {"next": "{{ vars.a + vars.b }}"}},
                {"set": {"a": "{{ vars.b }}"}},
                {"set": {"b": "{{ vars.next }}"}},
                {"set": {"round": "{{ index }}"}},
            ],
        },
    ],
    "output": "{{ vars.a }}",
}


def plain(rounds: int) -> int:
    a, b = 0, 1
    for _ in range(rounds):
        a, b = b, a + b
    return a


def drive(program: Any) -> tuple[Any, int]:
    run = program.run({"input": {}})
    effects = 0
    try:
        next(run)
        while True:
            effects += 1
            run.send(None)
    except StopIteration as stop:
        return stop.value, effects


def main() -> None:
    program = compile_logic(FIBONACCI)
    took = []
    for _ in range(200):
        start = time.perf_counter()
        result, effects = drive(program)
        took.append(time.perf_counter() - start)
    assert result == plain(10)
    sys.stdout.write(f"{effects} effects: median {statistics.median(took) * 1000:.2f} ms\n")


if __name__ == "__main__":
    main()
