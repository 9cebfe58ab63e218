"""Errors that a later run settles by the record's trace key."""

import pytest

from apps.executions.models import RecordError
from tests.flows.pipeline.test_runs import orders
from tests.systems import Answer


@pytest.mark.parametrize(("resolves", "open_after_two"), [(True, 1), (False, 2)])
def test_a_later_result_good_or_bad_settles_the_older_errors_of_its_record(workshop, system, resolves, open_after_two):
    system.serve_pages("/orders", orders(3))
    system.routes["POST /sink"] = lambda call: (
        Answer(422, {"message": "no"}) if call.json["external_id"] == 2 else {"id": 1}
    )
    flow = workshop.flow(autoResolveMatchingTraceKeys=resolves)
    workshop.run(flow)
    second = workshop.run(flow)
    still_open = RecordError.objects.filter(resolved_at=None)
    assert still_open.count() == open_after_two
    assert still_open.filter(execution=second).count() == 1
    system.take("/sink")
    workshop.run(flow)
    assert still_open.count() == (0 if resolves else 2)
