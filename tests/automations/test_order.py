"""Runs of one concurrencyKey, with several workers at it: one after another, in the order of what happened."""

import threading
import time
from collections import defaultdict

import pytest
from django.db import connection

from apps.executions.models import State
from apps.work import drain
from apps.work.models import Lane, WorkItem

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS, KEYS, EACH, SECONDS = 4, 3, 8, 120.0


class Watch:
    """Who is at work on which key, and in which order."""

    def __init__(self):
        self.lock = threading.Lock()
        self.busy, self.seen, self.clashes = set(), defaultdict(list), []

    def run(self, turn, args):
        key, n = args["key"], args["n"]
        with self.lock:
            if key in self.busy:
                self.clashes.append((key, n))
            self.busy.add(key)
            self.seen[key].append(n)
        time.sleep(0.002)  # so that others get a chance to be wrong
        with self.lock:
            self.busy.discard(key)
        return n


def work_off():
    ends = time.monotonic() + SECONDS
    try:
        while WorkItem.objects.exists() and time.monotonic() < ends:
            for lane in (Lane.INTERACTIVE, Lane.FLOWS):
                drain.drain(lane)
    finally:
        connection.close()


def test_several_workers_keep_the_order_of_each_key(shop, kind):
    watch = Watch()
    kind("watch", then=watch.run, outside=True)
    args = {"key": "{{ data.id }}", "n": "{{ data.properties.n }}"}
    shop.automation({"type": "watch", "args": args}, concurrencyKey="{{ data.id }}")
    for n in range(EACH):
        for key in range(KEYS):
            shop.happen(id=f"key-{key}", properties={"n": n})
    workers = [threading.Thread(target=work_off) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert {run.state for run in shop.runs} == {State.SUCCEEDED}, [run.reason for run in shop.runs]
    assert watch.seen == {f"key-{key}": list(range(EACH)) for key in range(KEYS)}
    assert watch.clashes == []
