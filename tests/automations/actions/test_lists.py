"""Nested actions: rounds of a loop and branches are steps of their own, each done once."""

import pytest

from apps.core.errors import DomainError
from apps.executions.models import State
from tests.automations.actions.conftest import step
from tests.automations.conftest import outputs_of, steps_of, when

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_loop_runs_its_actions_for_each_item_and_gives_a_list(shop, kind):
    notebook = kind()
    shop.automation(
        step(
            "forEach",
            "all",
            items="{{ data.properties.orders }}",
            **{"as": "order"},
            actions=[step("note", "made", n="{{ order.id }}", i="{{ index }}")],
            output={"id": "{{ order.id }}", "was": "{{ actions.made.output.i }}"},
        ),
        outputs={"all": "{{ actions.all.output }}", "keys": "{{ actions | list }}"},
    )
    shop.happen(properties={"orders": [{"id": "a"}, {"id": "b"}]})
    shop.work()
    [run] = shop.runs
    assert run.state == State.SUCCEEDED, run.reason
    assert notebook.notes == [{"n": "a", "i": 0}, {"n": "b", "i": 1}]
    assert outputs_of(run) == {"all": [{"id": "a", "was": 0}, {"id": "b", "was": 1}], "keys": ["all"]}
    assert steps_of(run) == {
        "actions[0]": "succeeded",
        "actions[0].args.actions[0]@0": "succeeded",
        "actions[0].args.actions[0]@1": "succeeded",
    }


def test_loops_in_loops_have_rounds_of_their_own(shop, kind):
    notebook = kind()
    inner = step(
        "forEach", "inner", items="{{ item }}", **{"as": "x"}, actions=[step("note", x="{{ x }}", n="{{ index }}")]
    )
    shop.automation(step("forEach", items=[[1, 2], [3]], actions=[inner]))
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert notebook.notes == [{"x": 1, "n": 0}, {"x": 2, "n": 1}, {"x": 3, "n": 0}]
    rounds = [path.partition("@")[2] for path in steps_of(run) if path.startswith("actions[0].args.actions[0].args")]
    assert rounds == ["0/0", "0/1", "1/0"]


def test_a_loop_that_waits_goes_on_with_the_same_items_at_the_same_round(shop, kind, later):
    notebook = kind()
    shop.automation(
        step("forEach", "all", items="{{ range(3) | list }}",
             actions=[step("note", n="{{ item }}"), step("delay", hours=1)]),
        outputs={"n": "{{ actions.all.output | length }}"},
    )  # fmt: skip
    shop.happen()
    for done in (1, 2, 3):
        shop.work()
        assert [note["n"] for note in notebook.notes] == list(range(done))
        later(hours=2)
    shop.work()
    [run] = shop.runs
    assert (run.state, outputs_of(run)) == (State.SUCCEEDED, {"n": 3})


def test_a_round_that_fails_fails_the_run_and_what_was_done_stays(shop, kind):
    def refuse_two(turn, args):
        if args["n"] == 2:
            raise DomainError("two is refused")
        return dict(args)

    notebook = kind(then=refuse_two)
    shop.automation(step("forEach", items=[1, 2, 3], actions=[step("note", "n", n="{{ item }}")]), step("note", n=9))
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert run.state == State.FAILED
    assert "two is refused" in run.reason
    assert [note["n"] for note in notebook.notes] == [1, 2]
    assert steps_of(run)["actions[0].args.actions[0]@1"] == "failed"


def test_the_first_branch_whose_conditions_hold_is_taken(shop, kind):
    notebook = kind()
    branches = [
        {
            "name": "paid",
            "conditions": [when("data.properties.paid", "eq", True)],
            "actions": [step("note", "n", x="p")],
        },
        {"conditions": [when("data.properties.amount", "gt", 10)], "actions": [step("note", "m", x="big")]},
    ]
    shop.automation(
        step("branch", "b", branches=branches, otherwise=[step("note", x="rest")]),
        outputs={"b": "{{ actions.b.output }}"},
    )
    for properties in ({"paid": True, "amount": 99}, {"amount": 99}, {}):
        shop.happen(properties=properties)
        shop.work()
    assert [note["x"] for note in notebook.notes] == ["p", "big", "rest"]
    assert [outputs_of(run)["b"]["branch"] for run in shop.runs] == ["paid", "branch 2", "otherwise"]
    assert outputs_of(shop.runs[0])["b"]["actions"] == {"n": {"output": {"x": "p"}}}


def test_where_no_branch_is_taken_there_is_no_key(shop):
    shop.automation(
        step("branch", "b", branches=[{"conditions": [when("data.title", "eq", "no")], "actions": []}]),
        outputs={"keys": "{{ actions | list }}"},
    )
    shop.happen()
    shop.work()
    assert outputs_of(shop.runs[0]) == {"keys": []}


def test_a_branch_that_waits_goes_on_where_it_was(shop, kind, later):
    notebook = kind()
    shop.automation(
        step("branch", branches=[{"conditions": [when("data.title", "eq", "web")], "actions": [
            step("delay", hours=1), step("note", x="taken")]}], otherwise=[step("note", x="other")]),
    )  # fmt: skip
    shop.happen()
    shop.work()
    later(hours=2)
    shop.work()
    assert notebook.notes == [{"x": "taken"}]


@pytest.mark.parametrize(
    ("action", "at"),
    [
        (step("forEach", items="a,b", actions=[]), "actions[0].args.items"),
        (step("forEach", items=[1], actions=[{"type": "nope"}]), "actions[0].args.actions[0].type"),
        (step("forEach", items=[1], actions=[step("delay", days="x")]), "actions[0].args.actions[0].args.days"),
        (step("forEach", items=[1], actions=[], output="{{ broken"), "actions[0].args.output"),
        (step("forEach", items=[1], **{"as": "data"}, actions=[]), "actions[0].args.as"),
        (step("forEach", actions=[]), "actions[0].args.items"),
        (step("branch", branches=[]), "actions[0].args.branches"),
        (step("branch", branches=[{"conditions": [{"field": "a", "operator": "is"}], "actions": []}]),
         "actions[0].args.branches[0].conditions[0].operator"),
        (step("branch", branches=[{"conditions": [], "actions": [{"type": "x"}]}]),
         "actions[0].args.branches[0].actions[0].type"),
    ],
)  # fmt: skip
def test_what_is_wrong_inside_is_named_by_its_path(shop, action, at):
    with pytest.raises(DomainError) as caught:
        shop.automation(action)
    assert caught.value.field == at, caught.value.message
