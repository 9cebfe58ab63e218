"""One-to-many steps: children are sent, parents go on; what fails, waits or is retried is a child."""

from apps.executions.models import RecordError, RetryData
from apps.executions.payloads import unpack
from apps.flows.services.runs import retry_errors
from tests.flows.pipeline.test_lookups import errors, node, sent
from tests.flows.pipeline.test_steps import lookup, script
from tests.systems import Answer

ORDERS = [
    {"id": "A", "lines": [{"id": 1, "sku": "p"}, {"id": 2, "sku": "q"}]},
    {"id": "B", "lines": [{"id": 3, "sku": "r"}]},
    {"id": "C", "lines": []},
    {"id": "D"},
]
MANY = {"oneToMany": True, "pathToMany": "lines"}
LINE = [node("order", "$._PARENT.id"), node("sku", "$.sku")]
MADE = {"responseMapping": {"fields": [{"extract": "id", "generate": "made"}], "lists": []}}


def test_children_are_sent_with_their_parent_at_hand_and_the_parents_go_on(workshop, system):
    system.serve_pages("/orders", ORDERS)
    system.routes["POST /lines"] = lambda call: {"id": f"t-{call.json.get('sku')}"}
    system.take("/sink")
    step = (workshop.import_("/lines", mappings=LINE, **MANY), MADE)
    execution = workshop.run(workshop.flow(None, step, workshop.import_(mappings=[])))
    assert execution.state == "succeeded" and not errors()
    assert sorted(row.get("sku", "") for row in sent(system, "/lines")) == ["", "p", "q", "r"]
    after = {row["id"]: row for row in sent(system)}
    assert after["A"]["lines"] == [{"id": 1, "sku": "p", "made": "t-p"}, {"id": 2, "sku": "q", "made": "t-q"}]
    assert (after["C"], after["D"]) == ({"id": "C", "lines": []}, {"id": "D", "made": "t-None"})
    steps = {step.path: step for step in execution.steps.all()}
    assert steps["pageProcessors[0]"].success_count == 4  # children, and the parent without a list


def test_a_failed_child_stops_its_parent_and_a_retry_sends_that_child_alone_under_its_key(workshop, system):
    broken = [True]
    system.serve_pages("/orders", ORDERS[:2])
    system.routes["POST /lines"] = lambda call: (
        Answer(400, {"e": "no"}) if call.json["sku"] == "q" and broken[0] else {"id": 1}
    )
    system.take("/sink")
    first = workshop.import_("/lines", mappings=LINE, **MANY)
    flow = workshop.flow(None, first, workshop.import_(mappings=[]))
    execution = workshop.run(flow)
    error = RecordError.objects.get()
    assert (execution.error_count, error.trace_key) == (1, "A - 2")
    assert unpack(RetryData.objects.get().data) == {"id": "A", "lines": [{"id": 2, "sku": "q"}]}
    assert [row["id"] for row in sent(system)] == ["B"]

    broken[0] = False
    retry_errors(actor=workshop.owner.actor, flow=flow, step_id=first.id, error_ids=[error.hex_id])
    workshop.work()
    keys = [call.headers["Idempotency-Key"] for call in system.made("POST /lines") if call.json["sku"] == "q"]
    assert len(keys) == 2 and len(set(keys)) == 1
    assert len(system.made("POST /lines")) == 4
    assert sorted(row["id"] for row in sent(system)) == ["A", "B"]
    error.refresh_from_db()
    assert error.resolved_at


def test_a_child_that_has_to_wait_holds_its_parent_and_no_sibling_is_sent_twice(workshop, system):
    refused = iter([True])
    system.serve_pages("/orders", ORDERS[:2])
    system.routes["POST /lines"] = lambda call: (
        Answer(429, {}, {"Retry-After": "1"}) if call.json["sku"] == "q" and next(refused, False) else {"id": 1}
    )
    system.take("/sink")
    step = (workshop.import_("/lines", mappings=LINE, **MANY), MADE)
    execution = workshop.start(workshop.flow(None, step, workshop.import_(mappings=[])))
    workshop.finish(execution, seconds=60)
    assert (execution.state, execution.error_count) == ("succeeded", 0), errors()
    taken = [row["sku"] for row in sent(system, "/lines")]
    assert (taken.count("p"), taken.count("r")) == (1, 1)
    assert [line["made"] for row in sent(system) for line in row["lines"]] == ["1", "1", "1"]


def test_a_failed_child_is_logged_and_its_parent_goes_on_where_the_flow_says_so(workshop, system):
    system.serve_pages("/orders", ORDERS[:1])
    system.routes["POST /lines"] = lambda call: Answer(400, {}) if call.json["sku"] == "q" else {"id": 1}
    system.take("/sink")
    step = (workshop.import_("/lines", mappings=LINE, **MANY), {"proceedOnFailure": True})
    execution = workshop.run(workshop.flow(None, step, workshop.import_(mappings=[])))
    assert (execution.error_count, len(sent(system))) == (1, 1)


def test_a_lookup_asks_for_each_child_and_the_hook_sees_the_parent_once(workshop, system):
    system.serve_pages("/orders", ORDERS[:2])
    system.routes["GET /prices"] = lambda call: [{"price": f"{call.query['sku']}1"}]
    system.take("/sink")
    prices = lookup(workshop, "/prices?sku={{record.sku}}", **MANY)
    content = "function after(o) { return o.postResponseMapData.map(r => ({...r, seen: o.pathToMany})); }"
    hook = {"postResponseMap": {"_scriptId": script(workshop, content), "function": "after"}}
    mapping = {"responseMapping": {"fields": [{"extract": "data[0].price", "generate": "price"}], "lists": []}}
    execution = workshop.run(workshop.flow(None, (prices, {**mapping, "hooks": hook}), workshop.import_(mappings=[])))
    assert execution.success_count == 2, (execution.reason, errors())
    after = {row["id"]: row for row in sent(system)}
    assert [line["price"] for line in after["A"]["lines"]] == ["p1", "q1"]
    assert after["B"]["seen"] == "lines"
