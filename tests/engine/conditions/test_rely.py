from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.engine.conditions.rely import compile_conditions
from apps.engine.errors import DocumentError
from apps.engine.paths import MISSING, compile_getter

SCOPE = {
    "data": {
        "id": "svc-1",
        "blueprintId": "service",
        "title": "My Service",
        "properties": {"tags": {"env": "prod"}, "branch": "release/1", "n": 7},
        "relations": {"teams": {"value": ["t1", "t2"]}, "owner": {"value": None}},
    },
    "event": {"action": "update"},
    "actions": {"fetch_x": {"output": {"ids": ["a"]}}},
    "arguments": {"sourceBlueprintId": "service"},
}


def render(text: str, scope: Any) -> Any:
    """The smallest template: one path, its native value."""
    found = compile_getter(text.strip("{} "))(scope)
    return None if found is MISSING else found


def holds(field: str, operator: str, value: Any = None, **more: Any) -> bool:
    return compile_conditions([{"field": field, "operator": operator, "value": value, **more}], render)(SCOPE)


@pytest.mark.parametrize(
    ("field", "operator", "value", "answer"),
    [
        ("data.blueprintId", "eq", "{{ arguments.sourceBlueprintId }}", True),
        ("event.action", "neq", "addedAsSource", True),
        ("data.properties.tags['env']", "eq", "prod", True),
        ("data.properties.n", "eq", "7", True),
        ("data.properties.n", "eq", 7.0, True),
        ("data.properties.n", "eq", True, False),
        ("data.gone", "eq", None, True),
        ("data.relations.owner.value", "neq", None, False),
        ("data.relations.teams.value", "neq", None, True),
        ("data.title", "in", "Other, My Service,", True),
        ("data.title", "in", "my-prod-deployment-workflow,", False),
        ("data.title", "in", ["My Service"], True),
        ("data.title", "in", '["My Service"]', True),
        ("data.title", "in", None, False),
        ("data.gone", "in", "a,b", False),
        ("data.gone", "notIn", "a,b", True),
        ("data.properties.n", "in", "6,7", True),
        ("data.relations.teams.value", "in", "t2,t9", True),
        ("data.properties.branch", "contains", "release/", True),
        ("data.relations.teams.value", "contains", "t1", True),
        ("data.relations.teams.value", "contains", "{{ data.relations.teams.value }}", True),
        ("data.relations.teams.value", "notContains", "t9", True),
        ("actions", "contains", "fetch_x", True),
        ("actions", "contains", "fetch_y", False),
        ("data.gone", "contains", "x", False),
        ("data.properties.branch", "like", "release/%", True),
        ("data.properties.branch", "like", "%ease%1", True),
        ("data.properties.branch", "like", "release", False),
        ("data.properties.branch", "like", "RELEASE%", False),
        ("data.properties.branch", "like", "%/1%1", False),
        ("data.properties.n", "gt", 6, True),
        ("data.properties.n", "gt", "6", True),
        ("data.properties.n", "gte", 7, True),
        ("data.properties.n", "lt", 7, False),
        ("data.properties.n", "lte", "7", True),
        ("data.gone", "lt", 7, False),
        ("data.title", "lt", 7, False),
        ("data.title", "gt", "A", True),
    ],
)
def test_each_operator_answers_as_documented(field: str, operator: str, value: Any, answer: bool) -> None:
    assert holds(field, operator, value) is answer


def test_all_of_a_list_must_hold_and_an_empty_list_does() -> None:
    true = {"field": "data.id", "operator": "eq", "value": "svc-1"}
    false = {**true, "value": "svc-2"}
    assert compile_conditions([true, true], render)(SCOPE)
    assert not compile_conditions([true, false], render)(SCOPE)
    assert compile_conditions([], render)(SCOPE)
    assert compile_conditions(None, render)(SCOPE)


def test_an_expression_field_is_a_template() -> None:
    assert holds("{{ data.title }}", "eq", "My Service", expression=True)


def test_entities_are_tested_by_slash_paths_against_values_of_the_run() -> None:
    conditions = compile_conditions(
        [
            {"field": "blueprintId", "operator": "eq", "value": "user"},
            {"field": "relations/teams/value", "operator": "contains", "value": "{{ data.relations.teams.value }}"},
            {"field": "properties/a.b", "operator": "eq", "value": True},
        ],
        render,
        dialect="slash",
    )
    test = conditions.bind(SCOPE)
    entity = {"blueprintId": "user", "relations": {"teams": {"value": ["t2"]}}, "properties": {"a.b": True}}
    assert test(entity)
    assert not test({**entity, "relations": {"teams": {"value": ["t3"]}}})
    assert conditions.rendered(SCOPE)[1][1] == ["t1", "t2"]


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"operator": "eq"}, "conditions[0].field"),
        ({"field": "a"}, "conditions[0].operator"),
        ({"field": "a", "operator": "equals"}, "conditions[0].operator"),
        ({"field": "a..b", "operator": "eq"}, "conditions[0].field"),
        ("a eq b", "conditions[0]"),
    ],
)
def test_a_wrong_condition_is_refused_where_it_stands(document: Any, path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        compile_conditions([document], render)
    assert caught.value.path == path


SCALARS = (
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.5, 1.0]) | st.sampled_from(["a", "1", "true"])
)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.just("k"), SCALARS, max_size=1)


@given(st.lists(VALUES, max_size=4), st.lists(VALUES, max_size=4))
def test_lists_are_compared_as_their_items_are_one_by_one(found: list[Any], wanted: list[Any]) -> None:
    def compared(operator: str, left: Any, right: Any) -> bool:
        return compile_conditions([{"field": "a", "operator": operator, "value": right}], render)({"a": left})

    one_by_one = any(compared("eq", item, option) for item in found for option in wanted)
    assert compared("in", found, wanted) == one_by_one
    assert compared("contains", found, wanted) == any(compared("contains", found, option) for option in wanted)
