"""What third parties may answer to provoke an error of ours: every call ends precisely, and a sent write in doubt."""

import pytest

from apps.core.errors import DomainError
from apps.executions.models import Execution, Step
from apps.executions.payloads import UnkeepableError, pack, unpack
from tests.connections.making import make_action, make_connector
from tests.connections.target import serving
from tests.executions.test_execute import Caller

POST = {"steps": [{"request": {"method": "POST", "url": "{{ input.data.url }}"}}]}
DEEP = b"[" * 900 + b"]" * 900

HOSTILE = {
    "a redirect to half a name": (302, {"Location": "http://xn--/"}, {}, 422, "not a URL"),
    "a redirect to no number": (302, {"Location": "http://[::1/"}, {}, 422, "not a URL"),
    "an answer without end": (200, {}, DEEP, 422, "nested more than 200 deep"),
    "an answer that is no JSON": (200, {}, b"{", 422, "not JSON"),
}


@pytest.fixture
def caller(served, owner) -> Caller:
    return Caller(served, owner.headers)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_write_that_is_answered_with_nonsense_is_in_doubt(caller, organization, name):
    status, headers, body, told, words = HOSTILE[name]
    make_action(make_connector(organization), "post", POST)
    with serving(lambda seen: (status, headers, body)) as target:
        answer = caller.execute("post", connector="crm", input={"url": target.url}, query={})
        assert (answer.status, len(target.seen)) == (told, 1)
    assert words in answer.json["error"]
    assert Execution.objects.get().state == "failed"
    assert Execution.objects.get().reason.startswith("in doubt")
    assert Step.objects.get().state == "in_doubt"


def test_a_url_that_is_half_a_name_was_never_sent(caller, organization):
    make_action(make_connector(organization), "post", POST)
    answer = caller.execute("post", connector="crm", input={"url": "http://xn--/"}, query={})
    assert answer.status == 422
    assert "not a host name" in answer.json["error"]
    assert (Execution.objects.get().state, Step.objects.get().state) == ("failed", "failed")


def test_headers_that_are_no_text_are_shown_with_a_mark(caller, organization):
    program = {**POST, "steps": [{**POST["steps"][0], "name": "made"}], "output": "{{ steps.made.headers }}"}
    make_action(make_connector(organization), "post", program)
    fields = {"Content-Type": "application/json; charset=bogus-\xff", "X-Odd": "\xfe"}
    with serving(lambda seen: (200, fields, {})) as target:
        answer = caller.execute("post", connector="crm", input={"url": target.url}, query={})
    assert (answer.status, answer.json["x-odd"]) == (200, "\ufffd")
    assert Execution.objects.get().state == "succeeded"


@pytest.mark.parametrize(
    "program",
    [
        {"steps": [], "output": {"text": "{{ '\\ud800' }}"}},
        {"steps": [{"request": {"url": "{{ input.data.url }}?{{ '\\ud800' }}"}}]},
        {"steps": [{"request": {"url": "{{ input.data.url }}", "query": {"a": "{{ '\\ud800' }}"}}}]},
        {"steps": [{"request": {"url": "{{ input.data.url }}", "headers": {"a": "{{ '\\ud800' }}"}}}]},
        {"steps": [{"request": {"method": "POST", "url": "{{ input.data.url }}", "body": ["{{ '\\ud800' }}"]}}]},
    ],
)
def test_half_a_character_in_what_a_program_makes_is_its_own_fault(caller, organization, program):
    make_action(make_connector(organization), "odd", program)
    with serving() as target:
        answer = caller.execute("odd", connector="crm", input={"url": target.url}, query={})
        assert target.seen == []
    assert answer.status == 422, answer.body
    assert Execution.objects.get().state == "failed"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("\ud800", "half of a character"),
        ({"a": 2**64}, "64 bits"),
        ({"a": {1}}, "is no JSON"),
    ],
)
def test_what_cannot_be_kept_is_told_with_its_reason(value, why):
    with pytest.raises(UnkeepableError, match=why):
        pack(value)
    assert issubclass(UnkeepableError, DomainError)


def test_nesting_that_cannot_be_kept_is_told():
    value: list = []
    for _ in range(300):
        value = [value]
    with pytest.raises(UnkeepableError, match="The record is nested more than 200 deep"):
        pack(value, what="The record")
    assert unpack(pack([[[]]])) == [[[]]]
