"""What is refused on save, and the field that is named for it."""

import pytest

from tests.api import Api, codes_of, fields_of
from tests.contracts.calls import flow_document
from tests.contracts.world import HTTP_EXPORT, HTTP_IMPORT

pytestmark = pytest.mark.django_db
UNKNOWN = "0123456789abcdef01234567"


def branch(**members):
    return {"routers": [{"id": "r1", "branches": [{"name": "b", **members}]}]}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"pageProcessors": [{"type": "export"}], "routers": []}, "pageProcessors[0]._exportId"),
        ({"pageProcessors": [{"type": "import", "_importId": UNKNOWN}], "routers": []}, "pageProcessors[0]._importId"),
        ({"pageProcessors": [{"type": "lookup"}], "routers": []}, "pageProcessors[0].type"),
        ({"pageGenerators": [{"_exportId": UNKNOWN}]}, "pageGenerators[0]._exportId"),
        ({"pageGenerators": [{}]}, "pageGenerators[0]._exportId"),
        ({"_integrationId": UNKNOWN}, "_integrationId"),
        ({"_integrationId": "not an id"}, "_integrationId"),
        ({"_runNextFlowIds": [UNKNOWN]}, "_runNextFlowIds[0]"),
        ({"aliases": [{"alias": "a b"}]}, "aliases[0].alias"),
        ({"aliases": [{"alias": "a", "_importId": UNKNOWN}]}, "aliases[0]._importId"),
        ({"schedule": "every day"}, "schedule"),
        ({"schedule": "? 61 * * * *"}, "schedule"),
        ({"schedule": ""}, "schedule"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"disabled": "no"}, "disabled"),
        ({"name": "x" * 201}, "name"),
        ({"name": " "}, "name"),
        ({"name": None}, "name"),
        ({"_flowGroupingId": UNKNOWN}, "_flowGroupingId"),
        (branch(nextRouterId="nowhere"), "routers[0].branches[0].nextRouterId"),
        (branch(nextRouterId="r1"), "routers"),
        (branch(inputFilter={"type": "expression", "expression": {"version": "1", "rules": ["resembles", 1, 2]}}),
         "routers[0].branches[0].inputFilter.expression.rules"),
        (branch(pageProcessors=[{"type": "import"}]), "routers[0].branches[0].pageProcessors[0]._importId"),
        ({"routers": [{"id": "r1", "branches": []}]}, "routers[0].branches"),
        ({"routers": [{"id": "r1", "branches": [{"name": "a"}]}] * 2}, "routers[1].id"),
    ],
)  # fmt: skip
def test_a_flow_that_could_not_run_names_its_field(api, world, change, field):
    answer = api.post("/flows", {**flow_document(world), **change})
    assert answer.status_code == 422
    assert any(named.startswith(field) for named in fields_of(answer)), answer.json()


def test_a_flow_has_page_processors_or_routers(api, world):
    document = flow_document(world)
    document["pageProcessors"] = [{"type": "import", "_importId": world.ids["import"]}]
    answer = api.post("/flows", document)
    assert answer.status_code == 422
    assert fields_of(answer) == ["routers"]
    assert api.post("/flows", {**document, "routers": []}).status_code == 201


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"_connectionId": UNKNOWN}, "_connectionId"),
        ({"_connectionId": None}, "_connectionId"),
        ({"adaptorType": "RDBMSExport"}, "adaptorType"),
        ({"adaptorType": "FaxExport"}, "adaptorType"),
        ({"type": "weekly"}, "type"),
        ({"pageSize": 0}, "pageSize"),
        ({"test": {"limit": 101}}, "test.limit"),
        ({"debugUntil": "2999-01-01T00:00:00.000Z"}, "debugUntil"),
        ({"debugUntil": "soon"}, "debugUntil"),
        ({"delta": {"startDate": "soon"}}, "delta.startDate"),
        ({"delta": {"lagOffset": "5"}}, "delta.lagOffset"),
        ({"filter": {"type": "expression", "expression": {"rules": ["like", ["extract", "a"], 1]}}}, "filter"),
        ({"filter": {"type": "script", "script": {"function": "f"}}}, "filter.script._scriptId"),
        ({"filter": {"type": "script", "script": {"_scriptId": UNKNOWN, "function": "f"}}}, "filter.script._scriptId"),
        ({"transform": {"type": "expression", "expression": {"rules": [[{"extract": "a"}]]}}}, "transform.expression"),
        ({"mappings": [{"generate": "a", "dataType": "string", "extract": "$.a"}]}, "mappings[0].status"),
        ({"mappings": [{"generate": "a", "dataType": "colour", "status": "Active"}]}, "mappings[0].dataType"),
        ({"hooks": {"preSavePage": {"_scriptId": UNKNOWN, "function": "f"}}}, "hooks.preSavePage._scriptId"),
        ({"hooks": {"preSavePage": {"_stackId": UNKNOWN, "function": "f"}}}, "hooks.preSavePage._stackId"),
        ({"traceKeyTemplate": "{{#if a}}"}, "traceKeyTemplate"),
        ({"http": {"method": "FETCH", "relativeURI": "/"}}, "http.method"),
        ({"http": {"method": "GET"}}, "http.relativeURI"),
        ({"http": {"method": "GET", "relativeURI": "/{{#each}}"}}, "http.relativeURI"),
        ({"http": {"method": "GET", "relativeURI": "/", "paging": {"method": "token"}}}, "http.paging.path"),
        ({"http": {"method": "GET", "relativeURI": "/", "paging": {"method": "hop"}}}, "http.paging.method"),
        ({"http": {"method": "GET", "relativeURI": "/", "_asyncHelperId": UNKNOWN}}, "http._asyncHelperId"),
        ({"http": []}, "http"),
        ({"rdbms": {"query": ["select 1"]}}, "rdbms.query"),
    ],
)  # fmt: skip
def test_an_export_that_could_not_run_names_its_field(api, world, change, field):
    answer = api.post("/exports", {**HTTP_EXPORT, "_connectionId": world.ids["connection"], **change})
    assert answer.status_code == 422
    assert any(named.startswith(field) for named in fields_of(answer)), answer.json()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"_connectionId": None}, "_connectionId"),
        ({"http": {"method": "POST", "relativeURI": ["/"]}}, "http.method"),
        ({"http": {"method": ["POST", "PUT"], "relativeURI": ["/"]}}, "http.relativeURI"),
        ({"mapping": {"fields": [{"extract": "a", "generate": "b"}]}}, "mappings"),
        ({"lookups": [{"map": {}}]}, "lookups[0].name"),
        ({"lookups": [{"name": "l", "_lookupCacheId": UNKNOWN}]}, "lookups[0]._lookupCacheId"),
        ({"rdbms": {"query": "insert"}}, "rdbms.query"),
        ({"rdbms": {"queryType": ["INSERT"], "query": ["x"]}}, "rdbms.queryType[0]"),
        ({"rdbms": {"queryType": ["per_record", "per_page"], "query": ["x"]}}, "rdbms.queryType"),
    ],
)
def test_an_import_that_could_not_run_names_its_field(api, world, change, field):
    answer = api.post("/imports", {**HTTP_IMPORT, "_connectionId": world.ids["connection"], **change})
    assert answer.status_code == 422
    assert any(named.startswith(field) for named in fields_of(answer)), answer.json()


def test_a_resource_of_a_kind_that_is_not_kept_here_is_told_from_one_that_is_gone(api, world):
    http = {"method": "GET", "relativeURI": "/", "_asyncHelperId": UNKNOWN}
    answer = api.post("/exports", {**HTTP_EXPORT, "_connectionId": world.ids["connection"], "http": http})
    assert (answer.status_code, fields_of(answer)) == (422, ["http._asyncHelperId"])
    assert "this deployment keeps none" in answer.json()["errors"][0]["message"]


def test_an_id_of_another_organization_is_as_good_as_none(api, world, stranger):
    other = Api(stranger, prefix="/v1")
    answer = other.post("/exports", {**HTTP_EXPORT, "_connectionId": world.ids["connection"]})
    assert answer.status_code == 422
    assert (codes_of(answer), fields_of(answer)) == (["invalid_ref"], ["_connectionId"])


def test_ids_in_free_members_are_data(api):
    answer = api.post("/integrations", {"name": "i", "settings": {"_exportId": UNKNOWN, "list": [{"_flowId": 5}]}})
    assert answer.status_code == 201
