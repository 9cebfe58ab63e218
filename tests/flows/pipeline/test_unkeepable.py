"""Records that no page can hold: each fails for itself, the others go on, and nothing hangs."""

from apps.executions.models import RecordError
from tests.flows.pipeline.test_runs import orders


def nested(depth):
    value = "core"
    for _ in range(depth):
        value = [value]
    return value


def test_a_record_that_a_step_nests_too_deeply_fails_alone(workshop, system):
    system.serve_pages("/orders", orders(5))
    system.routes["POST /first"] = lambda call: {"found": nested(190 if call.json["external_id"] == 3 else 2)}
    system.take("/sink")
    far_down = ".".join(["a"] * 80)
    answer = {"responseMapping": {"fields": [{"extract": "_json.found", "generate": far_down}], "lists": []}}
    execution = workshop.run(workshop.flow(None, (workshop.import_("/first"), answer), workshop.import_()))

    assert (execution.state, execution.error_count) == ("succeeded", 1)
    assert sorted(call.json["external_id"] for call in system.made("POST /sink")) == [1, 2, 4, 5]
    error = RecordError.objects.get()
    assert (error.code, error.message) == ("unkeepable", "The record is nested more than 200 deep.")
    assert not error.retryable
    assert workshop.at_rest()


def test_a_record_nested_as_deep_as_is_read_goes_through(workshop, system):
    system.serve_pages("/orders", [{"id": 1, "name": "x", "deep": nested(190)}, {"id": 2, "name": "y"}])
    system.take("/sink")
    execution = workshop.run(workshop.flow())

    assert (execution.state, execution.success_count) == ("succeeded", 2)
