"""Documents that cannot be run are refused, and the message names the member."""

from __future__ import annotations

import pytest

from apps.engine.logic import LogicError, compile_logic


def steps(*many):
    return {"steps": list(many)}


REQUEST = {"request": {"url": "/a"}}


@pytest.mark.parametrize(
    ("document", "path", "said"),
    [
        (None, "", "must be an object"),
        ([], "", "must be an object"),
        ({}, "", "needs steps or output"),
        ({"steps": {}}, "steps", "list of steps"),
        ({"steps": [], "more": 1}, "more", "is not a member here"),
        (steps("x"), "steps[0]", "must be an object"),
        (steps({}), "steps[0]", "exactly one of request, call, set, branch, each, return, fail (has none)"),
        (steps({"set": {"a": 1}, "call": "x"}), "steps[0]", "has call and set"),
        (steps({"set": {}}), "steps[0].set", "must set something"),
        (steps({"set": {"a b": 1}}), "steps[0].set.a b", "must be a name"),
        (steps({"set": {"a": 1}, "nmae": "x"}), "steps[0].nmae", "is not a member here"),
        (steps({"name": "vars", "set": {"a": 1}}), "steps[0].name", "name of the scope"),
        (steps({"name": "1x", "set": {"a": 1}}), "steps[0].name", "must be a name"),
        (steps({"name": "a", **REQUEST}, {"name": "a", **REQUEST}), "steps[1].name", "name of another step"),
        (steps({"request": {}}), "steps[0].request.url", "is required"),
        (steps({"request": {"url": ""}}), "steps[0].request.url", "must be text"),
        (steps({"request": {"url": 3}}), "steps[0].request.url", "must be text"),
        (steps({"request": {"url": "/a", "method": "FETCH"}}), "steps[0].request.method", "must be one of GET"),
        (steps({"request": {"url": "/a", "effect": "none"}}), "steps[0].request.effect", "read, write"),
        (steps({"request": {"url": "/a", "repeat": "yes"}}), "steps[0].request.repeat", "must be one of key"),
        (steps({"request": {"url": "/a", "headers": []}}), "steps[0].request.headers", "must be an object"),
        (steps({"request": {"url": "/a", "accept": ["404"]}}), "steps[0].request.accept", "HTTP statuses"),
        (steps({"request": {"url": "/a", "bdoy": 1}}), "steps[0].request.bdoy", "is not a member here"),
        (steps({"request": {"url": "/{{ a"}}), "steps[0].request.url", ""),
        (steps({"request": {"url": "/a", "body": {"x": ["{% if %}"]}}}), "steps[0].request.body.x[0]", ""),
        (steps({"call": {}}), "steps[0].call.component", "is required"),
        (steps({"call": {"component": "a", "kind": "thing"}}), "steps[0].call.kind", "must be one of action"),
        (steps({"branch": []}), "steps[0].branch", "list of branches"),
        (steps({"branch": [{"steps": []}]}), "steps[0].branch[0].when", "is required"),
        (steps({"branch": [{"when": True}]}), "steps[0].branch[0].steps", "is required"),
        (
            steps({"branch": [{"when": True, "steps": [{"set": {"a": 1}}, {"fail": {}}]}]}),
            "steps[0].branch[0].steps[1].fail.message",
            "is required",
        ),
        (steps({"branch": [{"when": True, "steps": []}], "else": [{"x": 1}]}), "steps[0].else[0]", "exactly one"),
        (steps({"each": {"a": 1}, "steps": []}), "steps[0].each", "must be a list"),
        (steps({"each": [1]}), "steps[0].steps", "is required"),
        (steps({"each": [1], "steps": [{"call": 3}]}), "steps[0].each[0].call", "must be an object"),
        (steps({"each": [1], "as": "input", "steps": []}), "steps[0].as", "name of the scope"),
        (steps({"each": [1], "as": "index", "steps": []}), "steps[0].as", "position"),
        (steps({"fail": {"message": "m", "status": 99}}), "steps[0].fail.status", "HTTP status"),
        (steps({"return": {"a": {1}}}), "steps[0].return.a", "is not JSON"),
        ({"language": "python", "source": "x"}, "language", "must be javascript"),
        ({"source": "x"}, "language", "is required"),
        ({"language": "javascript"}, "source", "is required"),
        ({"language": "javascript", "source": "x", "steps": []}, "steps", "is not a member here"),
        ({"language": "javascript", "source": "x" * 1_000_001}, "source", "is longer"),
    ],
)
def test_a_wrong_document_is_refused_by_its_member(document, path, said):
    with pytest.raises(LogicError) as caught:
        compile_logic(document)
    assert caught.value.path == path
    assert said in caught.value.reason


def test_steps_may_not_nest_without_end():
    step: dict[str, object] = {"set": {"a": 1}}
    for _ in range(50):
        step = {"each": [1], "steps": [step]}
    with pytest.raises(LogicError, match="nested too deep"):
        compile_logic(steps(step))


def test_values_may_not_nest_without_end():
    value: object = 1
    for _ in range(100):
        value = [value]
    with pytest.raises(LogicError, match="nested more than 32 deep"):
        compile_logic({"output": value})


def test_a_program_has_a_bounded_number_of_steps():
    compile_logic(steps(*[{"set": {"a": 1}}] * 500))
    with pytest.raises(LogicError, match="more than the 500 steps"):
        compile_logic(steps(*[{"set": {"a": 1}}] * 501))
