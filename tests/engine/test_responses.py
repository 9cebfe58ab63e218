from typing import Any

import pytest

from apps.engine.errors import DocumentError
from apps.engine.responses import compile_response


@pytest.mark.parametrize(
    ("rules", "status", "body", "ok"),
    [
        ({}, 200, {}, True),
        ({}, 204, None, True),
        ({}, 302, {}, False),
        ({}, 500, {}, False),
        ({"failPath": "error", "failValues": ["1"]}, 200, {"error": 1}, False),
        ({"failPath": "error", "failValues": ["1"]}, 200, {"error": 2}, True),
        ({"failPath": "error"}, 200, {"error": "x"}, False),
        ({"failPath": "error"}, 200, {"error": None}, True),
        ({"failPath": "errors"}, 200, {"errors": []}, True),
        ({"successPath": "ok", "successValues": ["true"]}, 200, {"ok": True}, True),
        ({"successPath": "ok", "successValues": ["true"]}, 200, {"ok": "yes"}, False),
        ({"successPath": "ok", "successValues": ["true"]}, 200, {}, False),
        ({"successPath": "ok"}, 200, {"ok": "anything"}, True),
        ({"successPath": "ok"}, 200, {}, False),
        ({"successPath": "r[*].s", "successValues": ["ok"]}, 200, {"r": [{"s": "no"}, {"s": "ok"}]}, False),
        (
            {"successPath": "r[*].s", "successValues": ["ok"], "allowArrayforSuccessPath": True},
            200,
            {"r": [{"s": "no"}, {"s": "ok"}]},
            True,
        ),
        ({"failPath": "e", "successPath": "ok", "successValues": ["1"]}, 200, {"e": "x", "ok": 1}, False),
        ({"successPath": "ok", "successValues": ["1"]}, 500, {"ok": 1}, False),
    ],
)
def test_an_answer_is_good_when_all_its_tests_say_so(rules: Any, status: int, body: Any, ok: bool) -> None:
    assert compile_response(rules).judge(status, body).ok is ok


def test_the_end_of_paging_is_no_failure() -> None:
    assert compile_response({}).judge(404, {}, ends_paging=True).ok


def test_the_message_is_at_its_path_or_else_the_whole_body() -> None:
    rules = compile_response({"errorPath": "error.text"})
    assert rules.judge(400, {"error": {"text": "no such customer"}}).message == "no such customer"
    assert rules.judge(400, {"why": 1}).message == '{"why":1}'
    assert rules.judge(502, "Bad Gateway").message == "Bad Gateway"
    assert rules.judge(502, None).message == "HTTP status 502"


def test_the_id_is_at_its_path_or_else_id_or_underscore_id() -> None:
    assert compile_response({"resourceIdPath": "r.key"}).judge(200, {"r": {"key": 7}, "id": 1}).id == "7"
    assert compile_response({}).judge(200, {"id": 0, "_id": "b"}).id == "0"
    assert compile_response({}).judge(200, {"_id": "b"}).id == "b"
    assert compile_response({}).judge(200, "text").id == ""


def test_import_members_are_lists_beside_method() -> None:
    document = {
        "successPath": ["a", "b"],
        "successValues": [["1"], ["2"]],
        "errorPath": "message",
        "resourceIdPath": ["x"],
    }
    create, update = (compile_response(document, index=index) for index in (0, 1))
    assert create.judge(200, {"a": 1, "x": 5, "id": 6}).id == "5"
    assert update.judge(200, {"b": 2, "x": 5, "id": 6}).id == "6"
    assert update.judge(200, {"b": 1, "message": "wrong"}).message == "wrong"


def test_a_batch_is_matched_by_position_and_the_missing_fail() -> None:
    rules = compile_response(
        {"resourcePath": ["results"], "successPath": ["ok"], "successValues": [["true"]], "errorPath": "why"},
        index=0,
        batched=True,
    )
    outcomes = rules.judge_batch(200, {"results": [{"ok": True, "id": 1}, {"ok": False, "why": "full"}]}, 3)
    assert [(o.ok, o.id, o.message) for o in outcomes] == [
        (True, "1", ""),
        (False, "", "full"),
        (False, "", "no response"),
    ]
    assert outcomes[0].json == {"ok": True, "id": 1}


def test_a_batch_without_a_list_counts_whole_and_a_failure_fails_all() -> None:
    rules = compile_response({"resourcePath": ["results"]}, index=0)
    assert [o.ok for o in rules.judge_batch(200, {"done": 1}, 2)] == [True, True]
    assert [o.ok for o in rules.judge_batch(500, {"results": [{"id": 1}]}, 2)] == [False, False]
    assert len(rules.judge_batch(200, {"results": [{}, {}, {}]}, 2)) == 2


@pytest.mark.parametrize(
    ("document", "options", "path"),
    [
        ({"successPath": "a..b"}, {}, "http.response.successPath"),
        ({"successPath": ["a..b"]}, {"index": 0}, "http.response.successPath[0]"),
        ({"successValues": "x"}, {}, "http.response.successValues"),
        ({}, {"index": 0, "batched": True}, "http.response.resourcePath"),
        ({"failPath": {"a": 1}}, {}, "http.response.failPath"),
        ([], {}, "http.response"),
    ],
)
def test_wrong_rules_are_refused_where_they_stand(document: Any, options: dict[str, Any], path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        compile_response(document or ([1] if document == [] else document), **options)
    assert caught.value.path == path
