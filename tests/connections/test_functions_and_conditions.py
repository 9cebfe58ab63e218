"""A connector's functions, conditions and variables: at hand in templates, in JavaScript and in steps."""

import pytest

from apps.connections.calls import call_component
from apps.connections.effects import Call
from apps.connections.failures import LogicFaultError
from apps.connections.journal import MemoryJournal
from apps.connectors import services
from apps.connectors.resolve import find_version
from tests.connections.making import make_action, make_connector

pytestmark = pytest.mark.django_db


@pytest.fixture
def crm(organization):
    return make_connector(organization)


def script(source: str, **more) -> dict:
    return {"language": "javascript", "source": source, **more}


def run(component, data=None, *, journal=None):
    connector = component.component.connector
    return call_component(
        call=Call(organization_id=connector.organization_id, journal=journal or MemoryJournal()),
        version=find_version(connector),
        component=component,
        input=data,
        connection=None,
    )


def test_a_function_is_the_same_in_a_template_in_javascript_and_in_a_step(crm):
    make_action(crm, "double", script("function execute(n) { return n * 2 }"), kind="function")
    source = "const add = ([a, b]) => a + b;"
    make_action(crm, "add", script(source, function="add"), kind="function")
    steps = [{"name": "got", "call": {"kind": "function", "component": "double", "input": "{{ input.data.n }}"}}]
    program = {"steps": steps, "output": ["{{ fn.double(input.data.n) }}", "{{ steps.got }}", "{{ fn.add(1, 2) }}"]}
    assert run(make_action(crm, "all", program), {"n": 4}) == [8, 8, 3]
    source = "function execute({ input, vars, fn }) { return [fn.double(input.data.n), fn.add(1, vars.two)] }"
    services.create_component(connector=crm, kind="variable", name="two", document={"value": 2}, published=True)
    assert run(make_action(crm, "js", script(source)), {"n": 4}) == [8, 3]


def test_what_changes_is_seen_by_the_next_run(crm):
    variable = services.create_component(connector=crm, kind="variable", name="v", document={"value": 1})
    function = make_action(crm, "f", script("function execute() { return 'old' }"), kind="function")
    action = make_action(crm, "both", {"output": "{{ vars.v }} {{ fn.f(0) }}"})
    assert run(action) == "1 old"
    services.change_component_version(version=variable, document={"value": 2})
    services.create_component_version(
        component=function.component, logic={"execute": script("function execute() { return 'new' }")}, published=True
    )
    assert run(action) == "2 new"
    services.delete_component_version(version=variable)
    assert run(action) == " new"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("function execute() { for (;;) {} }", "longer than 1 s"),
        ("function execute() { const a = []; for (;;) a.push(new Array(1e6).fill('x')) }", "memory|longer than"),
        ("function execute() { return execute() }", "recursion|stack"),
        ("function execute() { throw new TypeError('no such customer') }", "no such customer"),
        ("function other() {}", "no function 'execute'"),
        ("function execute( {", "invalid property name"),
        ("function execute() { return () => 1 }", "not JSON"),
    ],
)
def test_a_function_that_misbehaves_ends_its_caller_with_its_name(crm, source, words):
    make_action(crm, "bad", script(source), kind="function")
    for name, program in (
        ("template", {"output": "{{ fn.bad(1) }}"}),
        ("step", {"steps": [{"call": {"kind": "function", "component": "bad"}}]}),
        ("js", script("function execute(scope) { return scope.fn.bad(1) }")),
    ):
        with pytest.raises(LogicFaultError, match=rf"(?s)crm\..*bad.*({words})|crm\.bad.*({words})"):
            run(make_action(crm, name, program))


def test_functions_that_call_nothing_but_themselves_have_an_end(crm):
    """A script reaches functions only through its scope, which a function does not get."""
    make_action(crm, "f", script("function execute(n) { return typeof fn }"), kind="function")
    assert run(make_action(crm, "a", {"output": "{{ fn.f(1) }}"})) == "undefined"


BIG = {"output": "{{ (input.data.total or 0) > 100 }}"}


def test_a_branch_asks_a_condition(crm):
    make_action(crm, "big", BIG, kind="condition")
    branches = [{"when": {"condition": "big"}, "steps": [{"return": "big"}]}]
    branches.append({"when": {"condition": "big", "input": {"total": "{{ input.data.other }}"}}, "steps": []})
    branches[1]["steps"] = [{"return": "other"}]
    action = make_action(crm, "sort", {"steps": [{"branch": branches, "else": [{"return": "small"}]}]})
    assert run(action, {"total": 500}) == "big"
    assert run(action, {"total": 1, "other": 500}) == "other"
    assert run(action, {"total": 1}) == "small"


def test_a_step_may_wait_for_a_condition_or_for_its_contrary(crm):
    make_action(crm, "big", BIG, kind="condition")
    steps = [
        {"when": {"condition": "big", "not": True}, "return": "small"},
        {"when": {"condition": "big"}, "return": "big"},
    ]
    action = make_action(crm, "sort", {"steps": steps})
    assert [run(action, {"total": total}) for total in (1, 500)] == ["small", "big"]


def test_a_verdict_is_kept_for_a_run_that_goes_on_later(crm):
    make_action(crm, "big", BIG, kind="condition")
    action = make_action(crm, "sort", {"steps": [{"when": {"condition": "big"}, "return": 1}], "output": 0})
    journal = MemoryJournal()
    assert run(action, {"total": 500}, journal=journal) == 1
    assert run(action, {"total": 1}, journal=journal) == 1


def test_a_condition_that_is_not_there_is_named(crm):
    from apps.core.errors import NotFoundError

    action = make_action(crm, "sort", {"steps": [{"when": {"condition": "gone"}, "return": 1}]})
    with pytest.raises(NotFoundError, match="Condition gone was not found in crm"):
        run(action)


@pytest.mark.parametrize("when", [{"condition": ""}, {"condition": "a", "not": "no"}, {"condition": "a", "then": 1}])
def test_a_question_that_is_written_wrong_is_refused(crm, when):
    from apps.core.errors import ValidationError

    with pytest.raises(ValidationError, match=r"logic\.execute\.steps\[0\]\.when"):
        make_action(crm, "sort", {"steps": [{"when": when, "return": 1}]})
