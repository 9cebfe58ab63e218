"""What is written over the API is what runs: logic, variables, functions, and the version that was asked for."""

import pytest

READ = {"execute": {"output": "{{ vars.region }}-{{ fn.double(input.data.n) }}"}}
DOUBLE = {"execute": {"language": "javascript", "source": "function execute(n) { return n * 2 }"}}


@pytest.fixture
def built(crm):
    crm.post("/crm/version", {"name": "1.0.0"})
    crm.post("/crm/variable", {"name": "region", "config": {"value": "eu", "default": "us"}})
    crm.post("/crm/function", {"name": "double", "argument": "n", "logic": DOUBLE})
    crm.post("/crm/action", {"name": "read.it", "logic": READ})
    return crm


def named(crm, **more):
    body = {"@type": "action", "connector": "crm", "connectorVersion": "1.0.0", "action": "read.it", **more}
    return crm.api.post(f"/v1/execute?userId={crm.user.replace('+', '%2B')}", {"input": {"n": 4}, **body})


def test_an_action_runs_with_the_connectors_variables_and_functions(built):
    assert built.post("/crm/action/read.it/execute", {"n": 4})["output"] == "eu-8"
    built.put("/crm/variable/region", {"config": {"default": "us"}}, version="minor")
    assert built.post("/crm/action/read.it/execute", {"n": 1})["output"] == "us-2"


def test_a_new_version_runs_once_it_is_published_and_an_old_one_while_it_is_asked_for(built):
    built.put("/crm/action/read.it", {"logic": {"execute": {"output": "new"}}, "published": False}, version="minor")
    assert named(built).json() == "eu-8"
    built.put("/crm/action/read.it", {"published": True}, version="1.1.0")
    assert named(built).json() == "new"
    assert named(built, actionVersion="1.0.0").json() == "eu-8"


@pytest.mark.parametrize(
    ("pins", "words"),
    [({"actionVersion": "9.9.9"}, ("read.it", "9.9.9")), ({"connectorVersion": "7.0.0"}, ("crm", "7.0.0"))],
)
def test_a_version_that_is_missing_is_told_by_its_name(built, pins, words):
    answer = named(built, **pins)
    assert answer.status_code == 404
    assert all(word in answer.json()["error"] for word in words)
