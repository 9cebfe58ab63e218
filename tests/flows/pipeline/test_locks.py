"""Records of one lock are never submitted at the same time, whichever run and process they are in."""

import threading
import time
import uuid
from datetime import timedelta

from apps.core.clock import now
from apps.flows.models import RecordLock
from apps.flows.pipeline.runners.locked import acquire
from tests.systems import Answer


def test_records_of_one_lock_go_one_by_one_and_others_together(workshop, system):
    system.serve_pages("/orders", [{"id": i, "who": "ann" if i % 2 else f"other{i}"} for i in range(8)])
    inside, most, lock = [], [], threading.Lock()

    def take(call):
        who = call.json["who"]
        with lock:
            inside.append(who)
            most.append(inside.count("ann"))
        time.sleep(0.02)
        with lock:
            inside.remove(who)
        return {}

    system.routes["POST /sink"] = take
    execution = workshop.run(workshop.flow(None, workshop.import_(mappings=[], idLockTemplate="{{who}}")))
    assert (execution.success_count, max(most)) == (8, 1), execution.reason
    assert not RecordLock.objects.exists()


def test_a_lock_that_another_holds_is_waited_for_and_one_that_was_left_is_taken(workshop, system):
    system.serve_pages("/orders", [{"id": 1, "who": "ann"}])
    system.take("/sink")
    sink = workshop.import_(mappings=[], idLockTemplate="{{record.who}}")
    flow = workshop.flow(None, sink)
    seen = []

    def hold(call):
        seen.extend(RecordLock.objects.values_list("name", flat=True))
        return Answer(200, {})

    system.routes["POST /sink"] = hold
    workshop.run(flow)
    acquire(set(seen), uuid.uuid4())
    execution = workshop.start(flow)
    workshop.work()
    assert len(system.made("POST /sink")) == 1  # somebody else has it
    RecordLock.objects.update(until=now() - timedelta(seconds=1))
    workshop.finish(execution, seconds=60)
    assert (execution.success_count, len(system.made("POST /sink"))) == (1, 2)
