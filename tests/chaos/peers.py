"""The systems that chaos runs read from and write to: they count every arrival by its idempotency key."""

import threading
import time
from collections import defaultdict

from tests.systems import Answer, System

PER_ANSWER = 50


class Peers(System):
    """`arrivals[run][record id]` are the keys a record came with; `chain[step][n]` those of an action's write."""

    def __init__(self, *, records: int, slow: float = 0.0) -> None:
        super().__init__()
        self.records, self.slow = records, slow
        self.arrivals: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
        self.chain: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
        self.counting = threading.Lock()
        self.routes["GET /orders"] = self.page
        self.routes["POST /sink"] = self.sink
        for step in ("first", "second", "third"):
            self.routes[f"POST /chain/{step}"] = self.link

    def page(self, call):
        self.calls.clear()  # what arrived is counted, not kept
        number = int(call.query["page"])
        first = (number - 1) * PER_ANSWER + 1
        last = min(first + PER_ANSWER - 1, self.records)
        rows = [{"id": i, "name": f"Order {i}"} for i in range(first, last + 1)]
        return {"data": rows, "pages": -(-self.records // PER_ANSWER)}

    def sink(self, call):
        if self.slow:
            time.sleep(self.slow)  # a target takes its time
        with self.counting:
            self.arrivals[call.headers["X-Run"]][call.json["id"]].append(call.headers["Idempotency-Key"])
        return {"id": call.json["id"]}

    def link(self, call):
        with self.counting:
            self.chain[call.path.rsplit("/", 1)[1]][int(call.json["n"])].append(call.headers.get("Idempotency-Key", ""))
        if self.slow:
            time.sleep(self.slow * 10)
        return Answer(201, {"ok": True})
