"""What programs do: steps, values, results, and what an executor is asked."""

from __future__ import annotations

import pytest

from apps.engine.logic import (
    Bounds,
    CallEffect,
    LogicBoundError,
    LogicFailedError,
    LogicRunError,
    RequestEffect,
    RequestRefusedError,
    ScriptEffect,
    SetEffect,
    compile_logic,
)
from apps.engine.sandbox import ScriptError
from tests.engine.logic.executor import Executor, ok


def output_of(document, data=None, **scope):
    return Executor().run(document, data, **scope)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("plain", "plain"),
        (7, 7),
        (None, None),
        ("{{ input.data.name }}", "Ada"),
        ("{{input.data.tags[1]}}", "b"),
        ("{{ input.data.tags.0 }}", "a"),
        ("{{ input.data['full name'] }}", "Ada L"),
        ("{{ input.data.absent.deeper }}", None),
        ("{{ input.data.tags[9] }}", None),
        ("{{ input.data }}", {"name": "Ada", "tags": ["a", "b"], "full name": "Ada L", "n": 3, "items": [1]}),
        ("{{ input.data.items }}", [1]),
        ("{{ input.data.n + 1 }}", 4),
        ("{{ input.data.n > 2 }}", True),
        ("Dear {{ input.data.name }}!", "Dear Ada!"),
        ({"a": ["{{ input.data.n }}", {"b": "{{ input.data.name }}"}], "c": 1}, {"a": [3, {"b": "Ada"}], "c": 1}),
        ("{{ true }}", True),
        ("{{ connection.region }}", "eu"),
    ],
)
def test_values_are_constants_paths_or_templates_of_their_own_type(value, result):
    data = {"name": "Ada", "tags": ["a", "b"], "full name": "Ada L", "n": 3, "items": [1]}
    found = output_of({"output": value}, data, connection={"region": "eu"})
    assert found == result
    assert type(found) is type(result)


def test_a_request_is_asked_of_the_executor_and_its_answer_is_read_by_name():
    executor = Executor(request=lambda effect: ok({"id": 9}, 201))
    document = {
        "steps": [
            {
                "name": "made",
                "request": {
                    "method": "post",
                    "url": "/leads/{{ input.data.kind }}",
                    "headers": {"X-Trace": "{{ input.data.trace }}", "X-None": None},
                    "query": {"dry": "{{ input.data.dry }}", "page": 2},
                    "body": {"name": "{{ input.data.name }}"},
                    "repeat": "key",
                    "key": "{{ input.data.trace }}",
                },
            }
        ],
        "output": {"id": "{{ steps.made.body.id }}", "status": "{{ steps.made.status }}"},
    }
    result = executor.run(document, {"kind": "hot", "name": "Ada", "trace": 12})
    assert result == {"id": 9, "status": 201}
    assert executor.asked == [
        RequestEffect(
            path="steps[0].request",
            iteration="",
            method="POST",
            url="/leads/hot",
            headers={"X-Trace": "12"},
            query={"page": 2},
            body={"name": "Ada"},
            encoding="json",
            effect="write",
            repeat="key",
            key="12",
        )
    ]


@pytest.mark.parametrize(
    ("method", "effect"), [("GET", "read"), ("HEAD", "read"), ("PUT", "write"), ("DELETE", "write")]
)
def test_what_a_request_does_follows_from_its_method(method, effect):
    executor = Executor(request=lambda _: ok())
    executor.run({"steps": [{"request": {"method": method, "url": "/a"}}]})
    assert [(asked.effect, asked.repeat) for asked in executor.asked] == [(effect, "none")]


def test_a_search_by_post_may_call_itself_a_read():
    executor = Executor(request=lambda _: ok())
    executor.run({"steps": [{"request": {"method": "POST", "url": "/search", "effect": "read"}}]})
    assert executor.asked[0].effect == "read"


def test_a_refused_request_ends_the_run_unless_its_status_is_accepted():
    executor = Executor(request=lambda _: ok({"error": "gone"}, 404))
    step = {"name": "r", "request": {"url": "/a"}}
    with pytest.raises(RequestRefusedError, match=r"steps\[0\].request: the request was answered 404") as caught:
        executor.run({"steps": [step]})
    assert caught.value.response["body"] == {"error": "gone"}
    step["request"]["accept"] = [404]
    assert Executor(request=lambda _: ok(None, 404)).run({"steps": [step], "output": "{{ steps.r.status }}"}) == 404


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"url": "{{ input.data.absent }}"}, r"request.url: gives no text"),
        ({"url": "/a", "headers": {"X": "a\r\nb"}}, r"headers.*line break"),
        ({"url": "/a", "query": "{{ input.data.n }}"}, r"request.query: does not give an object"),
        ({"url": "/a", "key": "{{ input.data.absent }}"}, r"request.key: gives no text"),
    ],
)
def test_a_request_that_cannot_be_made_says_which_member(members, said):
    with pytest.raises(LogicRunError, match=said):
        Executor(request=lambda _: ok()).run({"steps": [{"request": members}]}, {"n": 1})


def test_a_call_names_its_component():
    executor = Executor(call=lambda effect: {"got": effect.input})
    document = {
        "steps": [
            {"name": "a", "call": "lead.create"},
            {
                "name": "b",
                "call": {"component": "slug", "kind": "function", "connector": "text", "input": "{{ input.data }}"},
            },
        ],
        "output": "{{ steps.b.got }}",
    }
    assert executor.run(document, "x y") == "x y"
    assert executor.asked == [
        CallEffect("steps[0].call", "", "action", "lead.create", None, {}),
        CallEffect("steps[1].call", "", "function", "slug", "text", "x y"),
    ]


def test_set_writes_variables_all_at_once_and_leaves_the_callers_alone():
    variables = {"a": 1, "b": 2}
    document = {"steps": [{"set": {"a": "{{ vars.b }}", "b": "{{ vars.a }}"}}], "output": "{{ vars }}"}
    assert output_of(document, vars=variables) == {"a": 2, "b": 1}
    assert variables == {"a": 1, "b": 2}


@pytest.mark.parametrize(("n", "word"), [(1, "one"), (2, "two"), (3, "many")])
def test_the_first_branch_that_holds_runs(n, word):
    document = {
        "steps": [
            {
                "branch": [
                    {"when": "{{ input.data == 1 }}", "steps": [{"set": {"w": "one"}}]},
                    {"when": "{{ input.data <= 2 }}", "steps": [{"set": {"w": "two"}}]},
                ],
                "else": [{"set": {"w": "many"}}],
            }
        ],
        "output": "{{ vars.w }}",
    }
    assert output_of(document, n) == word


def test_a_step_with_when_is_passed_over():
    document = {
        "steps": [{"when": "{{ input.data }}", "return": "in"}, {"when": False, "fail": "never"}],
        "output": "out",
    }
    assert output_of(document, True) == "in"
    assert output_of(document, False) == "out"


def test_each_runs_its_steps_by_item_and_collects():
    document = {
        "steps": [
            {
                "name": "rows",
                "each": "{{ input.data }}",
                "as": "row",
                "steps": [{"name": "got", "request": {"url": "/r/{{ row.id }}?i={{ index }}"}}],
                "output": "{{ steps.got.body }}",
            }
        ],
        "output": "{{ steps.rows }}",
    }
    executor = Executor(request=lambda effect: ok(effect.url))
    assert executor.run(document, [{"id": "a"}, {"id": "b"}]) == ["/r/a?i=0", "/r/b?i=1"]
    assert executor.identities(RequestEffect) == [("steps[0].each[0].request", "0"), ("steps[0].each[0].request", "1")]


def test_loops_nest_and_name_their_rounds():
    inner = {"each": "{{ row }}", "as": "cell", "steps": [{"set": {"s": "{{ vars.s + cell }}"}}]}
    document = {
        "steps": [{"set": {"s": 0}}, {"each": "{{ input.data }}", "as": "row", "steps": [inner]}],
        "output": {"sum": "{{ vars.s }}", "row": "{{ row }}", "index": "{{ index }}"},
    }
    executor = Executor()
    assert executor.run(document, [[1, 2], [3]]) == {"sum": 6, "row": None, "index": None}
    path = "steps[1].each[0].each[0].set"
    assert executor.identities(SetEffect)[1:] == [(path, "0.0"), (path, "0.1"), (path, "1.0")]


def test_each_may_count_and_stop_early():
    document = {
        "steps": [{"name": "l", "each": 10, "steps": [], "output": "{{ item * item }}", "until": "{{ index == 3 }}"}],
        "output": "{{ steps.l }}",
    }
    assert output_of(document) == [0, 1, 4, 9]


def test_return_ends_everything_around_it():
    document = {
        "steps": [
            {"each": 5, "steps": [{"when": "{{ item == 2 }}", "return": {"found": "{{ item }}"}}]},
            {"fail": "no"},
        ]
    }
    assert output_of(document) == {"found": 2}


def test_fail_carries_what_the_document_says():
    fail = {"message": "no lead {{ input.data }}", "status": 422, "code": "missing", "data": {"id": "{{ input.data }}"}}
    with pytest.raises(LogicFailedError) as caught:
        output_of({"steps": [{"each": 2, "steps": [{"fail": fail}]}]}, 7)
    error = caught.value
    assert (error.reason, error.status, error.code, error.data) == ("no lead 7", 422, "missing", {"id": 7})
    assert (error.path, error.iteration) == ("steps[0].each[0].fail", "0")


def test_a_template_that_cannot_be_rendered_names_its_member():
    with pytest.raises(LogicRunError, match=r"steps\[0\].set.a: "):
        output_of({"steps": [{"set": {"a": "{{ 1 / input.data }}"}}]}, 0)


def test_functions_of_the_connector_are_called_in_templates():
    def slug(text):
        return text.lower().replace(" ", "-")

    assert output_of({"output": "{{ fn.slug(input.data) }}"}, "Ada L", fn={"slug": slug}) == "ada-l"


def test_a_function_that_fails_in_the_sandbox_names_the_member_that_called_it():
    def broken(_text):
        raise ScriptError("bad", name="TypeError", line=2)

    with pytest.raises(LogicRunError, match=r"steps\[0\].set.a: TypeError: bad \(line 2\)"):
        output_of({"steps": [{"set": {"a": "{{ fn.broken(1) }}"}}]}, fn={"broken": broken})


def test_a_program_in_javascript_is_one_effect():
    executor = Executor(script=lambda effect: effect.argument["input"]["data"] * 2)
    document = {"language": "javascript", "source": "function execute(s) {}"}
    assert executor.run(document, 4, fn={"x": print}) == 8
    assert executor.asked == [
        ScriptEffect("source", "", document["source"], "execute", {"input": {"data": 4, "query": {}}}, {"x": print})
    ]


# -- resuming --------------------------------------------------------------------------------------------------------

RESUMABLE = {
    "steps": [
        {"set": {"sum": 0}},
        {
            "each": "{{ input.data }}",
            "steps": [
                {"name": "got", "request": {"method": "POST", "url": "/n/{{ item }}"}},
                {"set": {"sum": "{{ vars.sum + steps.got.body }}"}},
            ],
        },
        {"name": "last", "call": {"component": "finish", "input": "{{ vars.sum }}"}},
    ],
    "output": "{{ steps.last }}",
}


@pytest.mark.parametrize("stop_after", range(1, 9))
def test_a_run_goes_on_where_it_was_lost_and_repeats_nothing(stop_after):
    sent: list[str] = []

    def request(effect):
        sent.append(effect.url)
        return ok(int(effect.url[3:]) * 10)

    executor = Executor(request=request, call=lambda effect: {"total": effect.input})
    executor.run(RESUMABLE, [1, 2, 3], stop_after=stop_after)
    assert executor.run(RESUMABLE, [1, 2, 3]) == {"total": 60}
    assert sent == ["/n/1", "/n/2", "/n/3"]
    assert len({effect.identity for effect in executor.asked}) == len(executor.asked) == 8


def test_an_error_of_the_executor_comes_out_of_the_run():
    run = compile_logic({"steps": [{"request": {"url": "/a"}}]}).run({"input": {}})
    next(run)
    with pytest.raises(TimeoutError):
        run.throw(TimeoutError())


def test_an_executor_that_answers_nonsense_is_told():
    run = compile_logic({"steps": [{"request": {"url": "/a"}}]}).run({"input": {}})
    next(run)
    with pytest.raises(LogicRunError, match="gave no response"):
        run.send("ok")


# -- bounds ----------------------------------------------------------------------------------------------------------


def test_rounds_are_bounded():
    for each in ("{{ input.data }}", 10**30, list(range(11))):
        with pytest.raises(LogicBoundError, match=r"steps\[0\].each: gives more than 10 rounds"):
            Executor().run({"steps": [{"each": each, "steps": []}]}, list(range(11)), bounds=Bounds(iterations=10))


def test_steps_are_bounded_over_all_loops():
    document = {"steps": [{"each": 100, "steps": [{"each": 100, "steps": [{"set": {"a": 1}}]}]}]}
    with pytest.raises(LogicBoundError, match="more than 500 steps"):
        Executor().run(document, bounds=Bounds(steps=500))


def test_computing_is_bounded_over_the_run():
    document = {"steps": [{"each": 10_000, "steps": [{"set": {"a": "{{ range(2000) | sum }}"}}]}]}
    with pytest.raises(LogicBoundError, match=r"computes longer than 0.05 s"):
        Executor().run(document, bounds=Bounds(seconds=0.05))


@pytest.mark.parametrize("each", ["{{ input.data }}"])
@pytest.mark.parametrize("data", ["text", {"a": 1}, True])
def test_each_wants_a_list(each, data):
    with pytest.raises(LogicRunError, match="must give a list or a number"):
        output_of({"steps": [{"each": each, "steps": []}]}, data)


def test_a_fibonacci_number_takes_forty_small_steps():
    document = {
        "steps": [
            {"set": {"a": 0, "b": 1}},
            {
                "each": 10,
                "steps": [
                    {"set": {"next": "{{ vars.a + vars.b }}"}},
                    {"set": {"a": "{{ vars.b }}"}},
                    {"set": {"b": "{{ vars.next }}"}},
                    {"set": {"round": "{{ index }}"}},
                ],
            },
        ],
        "output": "{{ vars.a }}",
    }
    executor = Executor()
    assert executor.run(document) == 55
    assert len(executor.asked) == 41
