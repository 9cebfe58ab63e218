"""What a run does with its actions: in order, each once, skipped where their conditions say so."""

import pytest
from django.db import transaction
from django.utils import timezone

from apps.automations.actions.registry import NOTHING, Again, Stop, Wait
from apps.catalog.blueprints import save_blueprint
from apps.catalog.models import Entity
from apps.catalog.services import save_entity
from apps.core.errors import ValidationError
from apps.executions.explain import explain
from apps.executions.models import State
from apps.executions.services import WORK, cancel_execution
from apps.work import services as work
from apps.work.models import WorkItem
from tests.automations.conftest import on, outputs_of, steps_of, when

pytestmark = pytest.mark.django_db(transaction=True)


def note(id=None, conditions=(), **args):
    return {"type": "note", "id": id, "args": args, "conditions": list(conditions)}


def test_an_event_that_meets_the_conditions_runs_the_actions_in_order(shop, kind):
    notebook = kind()
    shop.automation(
        note("first", name="{{ data.title }}"),
        note("second", before="{{ actions.first.output.name }}", kind="{{ arguments.word }}"),
        triggers=[on("create", "update", conditions=[when("data.blueprintId", "eq", "{{ arguments.source }}")])],
        arguments={"source": "service", "word": "x"},
        outputs={"named": "{{ actions.second.output.before }}", "count": 2},
    )
    shop.happen("update", title="Web")
    shop.happen("delete", title="No")
    shop.happen("update", title="No", blueprintId="team")
    shop.work()
    [run] = shop.runs
    assert run.state == State.SUCCEEDED, run.reason
    assert notebook.notes == [{"name": "Web"}, {"before": "Web", "kind": "x"}]
    assert outputs_of(run) == {"named": "Web", "count": 2}
    assert steps_of(run) == {"actions[0]": "succeeded", "actions[1]": "succeeded"}


def test_a_skipped_and_an_empty_handed_action_leave_no_key(shop, kind):
    kind()
    kind("fetch", then=lambda turn, args: NOTHING)
    shop.automation(
        note("skipped", conditions=[when("event.action", "eq", "create")]),
        {"type": "fetch", "id": "empty"},
        note("third", conditions=[when("actions", "notContains", "empty")]),
        note("fourth", conditions=[when("actions", "contains", "skipped")]),
        outputs={"keys": "{{ actions | list }}"},
    )
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert outputs_of(run) == {"keys": ["third"]}
    assert list(steps_of(run).values()) == ["skipped", "succeeded", "succeeded", "skipped"]


def test_a_stop_ends_the_run_quietly(shop, kind):
    notebook = kind()
    kind("look", then=lambda turn, args: Stop("nothing there"))
    shop.automation({"type": "look"}, note("later"))
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert (run.state, run.reason, notebook.notes) == (State.SUCCEEDED, "nothing there", [])


def test_a_failing_action_fails_the_run_and_names_itself(shop, kind):
    def fail(turn, args):
        raise ValidationError("that is not possible", field="args.x")

    notebook = kind()
    kind("break", then=fail)
    shop.automation(note("first"), {"type": "break", "id": "bad"}, note("later"))
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert (run.state, run.reason) == (State.FAILED, "bad: that is not possible")
    assert len(notebook.notes) == 1
    assert steps_of(run) == {"actions[0]": "succeeded", "actions[1]": "failed"}


def test_a_template_that_raises_fails_the_run_and_says_where(shop, kind):
    kind()
    shop.automation(note("sum", total="{{ data.title + 1 }}"))
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert run.state == State.FAILED
    assert run.reason.startswith("sum: actions[0].args.total: ")


def test_a_trigger_condition_that_cannot_be_asked_is_a_run_that_fails(shop, kind):
    kind()
    shop.automation(note(), triggers=[on("update", conditions=[when("data.id", "eq", "{{ 1 / 0 }}")])])
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert run.state == State.FAILED
    assert "triggers[0].conditions" in run.reason


def test_a_wait_parks_the_run_and_the_action_goes_on_from_its_state(shop, kind):
    def once(turn, args):
        if turn.state is None:
            raise Wait(reason="a word from outside", state={"seen": 1})
        return turn.state

    notebook = kind()
    kind("listen", then=once)
    shop.automation(
        note("first"), {"type": "listen", "id": "heard"}, outputs={"seen": "{{ actions.heard.output.seen }}"}
    )
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert run.state == State.WAITING
    assert explain(run) == "It waits: a word from outside."
    with transaction.atomic():
        work.hurry(kind=WORK, target_id=run.id)
    shop.work()
    [run] = shop.runs
    assert run.state == State.SUCCEEDED
    assert outputs_of(run) == {"seen": 1}
    assert len(notebook.notes) == 1, "what was done before the wait is not done again"


def test_what_came_while_it_parked_wakes_it_at_once(shop, kind):
    def once(turn, args):
        if turn.state is None:
            raise Wait(reason="an answer", state=True, unless=lambda: True)
        return turn.state

    kind("listen", then=once)
    shop.automation({"type": "listen"})
    shop.happen()
    shop.work()
    assert [run.state for run in shop.runs] == [State.SUCCEEDED]


def test_a_waiting_run_can_be_canceled(shop, kind):
    def forever(turn, args):
        raise Wait(reason="tomorrow", until=timezone.now() + timezone.timedelta(days=1))

    kind("sleep", then=forever)
    shop.automation({"type": "sleep"})
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert run.state == State.WAITING
    cancel_execution(actor=shop.owner.actor, execution=run)
    run.refresh_from_db()
    assert run.state == State.CANCELED
    assert not WorkItem.objects.exists()


def test_an_action_may_work_in_batches_that_commit_their_state(shop, kind):
    def count(turn, args):
        done = turn.state or 0
        if done < 3:
            raise Again(done + 1)
        return done

    notebook = kind("count", then=count)
    shop.automation({"type": "count", "id": "counted"}, outputs={"n": "{{ actions.counted.output }}"})
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert outputs_of(run) == {"n": 3}
    assert len(notebook.notes) == 4


def test_nested_actions_are_steps_of_their_own_and_are_not_done_again(shop, kind):
    def nested(args):
        yield "actions", args.get("actions") or []

    def each(turn, args):
        return [turn.run_list("actions", iteration=str(n), item=item) for n, item in enumerate(args["items"])]

    def slow(turn, args):
        if args["item"] == "b" and turn.state is None:
            raise Wait(reason="b takes longer", state=True)
        return args["item"].upper()

    notebook = kind()
    kind("slow", then=slow)
    kind("each", then=each, outside=True, raw=frozenset({"actions"}), nested=nested)
    inner = [note("noted", item="{{ item }}"), {"type": "slow", "id": "slow", "args": {"item": "{{ item }}"}}]
    shop.automation({"type": "each", "id": "all", "args": {"items": ["a", "b"], "actions": inner}},
                    outputs={"all": "{{ actions.all.output }}"})  # fmt: skip
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert run.state == State.WAITING, run.reason
    with transaction.atomic():
        work.hurry(kind=WORK, target_id=run.id)
    shop.work()
    [run] = shop.runs
    assert run.state == State.SUCCEEDED, run.reason
    assert [told["slow"]["output"] for told in outputs_of(run)["all"]] == ["A", "B"]
    assert notebook.notes == [{"item": "a"}, {"item": "b"}]
    assert steps_of(run)["actions[0].args.actions[1]@1"] == "succeeded"


GONE = "data.properties.gone"


@pytest.mark.parametrize(
    ("condition", "runs"),
    [
        (when(GONE, "eq", None), True),
        (when(GONE, "neq", None), False),
        (when(f"{GONE}.deeper['still']", "eq", None), True),
        (when(GONE, "eq", ""), False),
        (when(GONE, "contains", "a"), False),
        (when(GONE, "notContains", "a"), True),
        (when(GONE, "in", "a,b"), False),
        (when(GONE, "notIn", "a,b"), True),
        (when(GONE, "like", "%"), False),
        (when(GONE, "lt", 5), False),
        (when(GONE, "gte", 0), False),
        (when("data.id", "eq", f"{{{{ {GONE} }}}}"), False),
    ],
)
def test_a_missing_path_is_null_in_a_condition(shop, condition, runs):
    shop.automation(triggers=[on("update", conditions=[condition])])
    shop.happen()
    shop.work()
    assert [run.state for run in shop.runs] == ([State.SUCCEEDED] if runs else [])


def test_a_rule_that_triggers_itself_ends_and_says_why(shop):
    """Each of its writes is an update that it listens to."""
    save_blueprint(actor=shop.owner.actor, id="counter", fields={"title": "Counter"})
    shop.automation(
        {"type": "upsertResource", "args": {"data": {
            "id": "{{ data.id }}", "blueprintId": "counter", "properties": {"n": "{{ data.properties.n + 1 }}"}}}},
        triggers=[on("update", conditions=[when("data.blueprintId", "eq", "counter")])],
    )  # fmt: skip
    for n in (0, 1):
        save_entity(
            organization_id=shop.organization.id, actor=None, id="clicks", blueprint_id="counter", title="Clicks",
            properties={"n": n},
        )  # fmt: skip
    shop.work()
    assert [run.state for run in shop.runs] == [State.SUCCEEDED] * 10 + [State.FAILED]
    assert "10 automations led to it one after another" in shop.runs[-1].reason
    assert Entity.objects.get().properties == {"n": 11}
    assert not WorkItem.objects.exists()


def test_a_rule_that_writes_what_is_there_already_triggers_nothing(shop):
    save_blueprint(actor=shop.owner.actor, id="service", fields={"title": "Service"})
    shop.automation(
        {"type": "upsertResource", "args": {"data": {
            "id": "{{ data.id }}", "blueprintId": "service", "properties": {"seen": True}}}},
        triggers=[on("create", "update")],
    )  # fmt: skip
    save_entity(organization_id=shop.organization.id, actor=None, id="web", blueprint_id="service", title="Web")
    shop.work()
    assert [run.state for run in shop.runs] == [State.SUCCEEDED] * 2, "of the creation, and of its own first write"


def test_a_rule_deep_in_a_chain_fails_instead_of_going_round_for_ever(shop, kind):
    notebook = kind()
    shop.automation(note())
    shop.happen(depth=9)
    shop.happen(depth=10)
    shop.work()
    assert [run.state for run in shop.runs] == [State.SUCCEEDED, State.FAILED]
    assert "loop" in shop.runs[1].reason
    assert len(notebook.notes) == 1


def test_what_is_switched_off_or_deleted_hears_nothing(shop, kind):
    from apps.automations import services

    kind()
    rule = shop.automation(note())
    services.switch_automation(actor=shop.owner.actor, automation=rule, active=False)
    shop.happen()
    services.switch_automation(actor=shop.owner.actor, automation=rule, active=True)
    services.delete_automation(actor=shop.owner.actor, automation=rule)
    shop.happen()
    shop.work()
    assert shop.runs == []


def test_runs_of_one_key_go_one_after_another_in_order(shop, kind):
    def listen(turn, args):
        if turn.state is None and args["n"] == 1:
            raise Wait(reason="n 1 takes longer", state=True)
        return args

    notebook = kind("listen", then=listen)
    shop.automation(
        {"type": "listen", "args": {"n": "{{ data.properties.n }}"}}, concurrencyKey="{{ data.id }}",
    )  # fmt: skip
    for n in (1, 2, 3):
        shop.happen(id="web", properties={"n": n})
    shop.happen(id="api", properties={"n": 4})
    shop.work()
    assert sorted(one["n"] for one in notebook.notes) == [1, 4], "2 and 3 stand behind 1, and 4 has another key"
    with transaction.atomic():
        work.hurry(kind=WORK, target_id=shop.runs[0].id)
    shop.work()
    assert [one["n"] for one in notebook.notes if one["n"] != 4] == [1, 1, 2, 3]


def test_a_self_service_action_runs_by_hand_with_checked_args(shop, kind):
    notebook = kind()
    schema = {"type": "object", "required": ["size"], "properties": {"size": {"type": "integer"}}}
    action = shop.automation(
        note(size="{{ args.size }}"), type="selfServiceAction", triggers=[{"type": "manual", "inputSchema": schema}]
    )
    with pytest.raises(ValidationError) as refused:
        shop.run(action, args={"size": "big"})
    assert refused.value.field == "args.size"
    assert shop.run(action, args={"size": 3}).state == State.SUCCEEDED
    assert notebook.notes == [{"size": 3}]
