"""Lookups that ask outside of the document: caches, calls, queries; once a page and key, and what a miss means."""

import pytest

from apps.core.ids import hex24
from apps.executions.models import Exchange, RecordError
from apps.flows.models import LookupCache, LookupEntry
from tests.flows.pipeline.test_files_and_sql import rows, sql_import, sqlite, table
from tests.flows.pipeline.test_runs import orders
from tests.systems import Answer


def node(name, extract, **members):
    return {"generate": name, "dataType": "string", "extract": extract, "status": "Active", **members}


def cache(workshop, **values):
    row = LookupCache.objects.create(organization=workshop.owner.organization, name="rates")
    LookupEntry.objects.bulk_create(LookupEntry(cache=row, key=k, value=v) for k, v in values.items())
    return {"name": "rates", "_lookupCacheId": hex24(row.id)}


def sent(system, path="/sink"):
    return [call.json for call in system.made(f"POST {path}")]


def errors():
    return sorted(RecordError.objects.values_list("message", flat=True))


def test_a_cache_answers_by_key_and_a_path_leads_into_its_value(workshop, system):
    system.serve_pages("/orders", [{"id": 1, "cur": "eur"}, {"id": 2, "cur": "EUR"}, {"id": 3, "cur": "yen"}])
    system.take("/sink")
    rates = cache(workshop, eur='{"rate": {"now": 1.08}}', yen='"plain"')
    mappings = [node("id", "$.id"), node("rate", "$.cur", lookupName="rates")]
    into = {**rates, "extract": "rate.now"}
    workshop.run(workshop.flow(None, workshop.import_(mappings=mappings, lookups=[into])))
    assert sent(system) == [{"id": "1", "rate": "1.08"}]
    assert len(errors()) == 2  # keys know capitals, and "plain" is no object

    workshop.run(workshop.flow(None, workshop.import_(mappings=mappings, lookups=[{**rates, "default": "?"}])))
    assert {"id": "3", "rate": "plain"} in sent(system)
    assert any("no value for 'EUR'" in message for message in errors())

    lenient = {**rates, "default": "?", "allowFailures": True}
    workshop.run(workshop.flow(None, workshop.import_(mappings=mappings, lookups=[lenient])))
    assert {"id": "2", "rate": "?"} in sent(system)


def test_a_page_asks_a_cache_once(workshop, system, django_assert_max_num_queries):
    system.serve_pages("/orders", [{"id": i, "cur": f"c{i}"} for i in range(10)])
    system.take("/sink")
    rates = cache(workshop, **{f"c{i}": f"{i}" for i in range(10)})
    flow = workshop.flow(None, workshop.import_(mappings=[node("rate", "$.cur", lookupName="rates")], lookups=[rates]))
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        execution = workshop.run(flow)
    assert execution.success_count == 10, execution.reason
    asked = [q for q in queries if "flows_lookupentry" in q["sql"]]
    assert len(asked) == 1


CALL = {"name": "customers", "method": "GET", "relativeURI": "/customers?mail={{record.mail}}", "extract": "rows[0].id"}
CUSTOMER = [node("id", "$.id"), node("customer", "$.mail", lookupName="customers")]


def test_a_call_is_made_once_a_page_for_each_distinct_request_and_is_recorded(workshop, system):
    mails = ["a@x", "b@x", "a@x", "a@x"]
    system.serve_pages("/orders", [{"id": i, "mail": mail} for i, mail in enumerate(mails)])
    system.routes["GET /customers"] = lambda call: {"rows": [{"id": f"c-{call.query['mail']}"}]}
    system.take("/sink")
    execution = workshop.run(workshop.flow(None, workshop.import_(mappings=CUSTOMER, http={"lookups": [CALL]})))
    assert execution.success_count == 4, errors()
    assert sorted(call.query["mail"] for call in system.made("GET /customers")) == ["a@x", "b@x"]
    assert sorted(row["customer"] for row in sent(system)) == ["c-a@x", "c-a@x", "c-a@x", "c-b@x"]
    assert Exchange.objects.filter(url__contains="/customers").count() == 2


def test_a_call_that_finds_nothing_or_is_refused_is_a_miss_of_its_record_only(workshop, system):
    answers = {
        "a@x": {"rows": []},
        "b@x": Answer(404, {}),
        "c@x": Answer(400, {"error": "odd"}),
        "d@x": {"rows": [{"id": 4}]},
    }
    system.serve_pages("/orders", [{"id": i, "mail": mail} for i, mail in enumerate(answers)])
    system.routes["GET /customers"] = lambda call: answers[call.query["mail"]]
    system.take("/sink")
    workshop.run(workshop.flow(None, workshop.import_(mappings=CUSTOMER, lookups=[CALL])))
    assert [row["id"] for row in sent(system)] == ["3"]
    assert len(errors()) == 3 and any("answered 400" in message for message in errors())

    lenient = {**CALL, "allowFailures": True, "default": "nobody"}
    execution = workshop.run(workshop.flow(None, workshop.import_("/rest", mappings=CUSTOMER, lookups=[lenient])))
    assert execution.success_count == 0  # /rest is not there
    assert sorted(row["customer"] for row in sent(system, "/rest")) == ["4", "nobody", "nobody", "nobody"]


def test_a_lookup_that_is_told_to_wait_delays_its_record_and_fails_none(workshop, system):
    refused = iter([True])
    system.serve_pages("/orders", [{"id": 1, "mail": "a@x"}, {"id": 2, "mail": "b@x"}])
    system.routes["GET /customers"] = lambda call: (
        Answer(429, {}, {"Retry-After": "1"})
        if call.query["mail"] == "b@x" and next(refused, False)
        else {"rows": [{"id": call.query["mail"]}]}
    )
    system.take("/sink")
    execution = workshop.start(workshop.flow(None, workshop.import_(mappings=CUSTOMER, lookups=[CALL])))
    workshop.finish(execution, seconds=60)
    assert (execution.success_count, execution.error_count) == (2, 0), execution.reason
    assert sorted(row["id"] for row in sent(system)) == ["1", "2"]


def test_a_lookup_may_take_another_ones_answer_and_several_wait_for_no_one(workshop, system):
    rates = cache(workshop, eur="1")
    system.serve_pages("/orders", [{"id": 1, "mail": "a@x", "cur": "eur"}])
    system.routes["GET /customers"] = lambda call: {"rows": [{"id": 7}]}
    system.take("/sink")
    mappings = [*CUSTOMER, node("rate", "$.cur", lookupName="rates")]
    workshop.run(workshop.flow(None, workshop.import_(mappings=mappings, lookups=[CALL, rates])))
    assert sent(system) == [{"id": "1", "customer": "7", "rate": "1"}], errors()


def test_templates_name_lookups_in_addresses_bodies_and_mappings(workshop, system):
    rates = cache(workshop, eur='"1.08"')
    system.serve_pages("/orders", [{"id": i, "mail": f"{i}@x", "cur": "eur"} for i in (1, 2)])
    system.routes["GET /customers"] = lambda call: {"rows": [{"id": f"c{call.query['mail'][0]}"}]}
    system.take("/sink/c1")
    system.take("/sink/c2")
    body = '{"n": {{record.id}}, "rate": "{{lookup "rates" record.cur}}", "kind": "{{lookup "kinds" "a"}}"}'
    kinds = {"name": "kinds", "map": {"a": "A"}}
    sink = workshop.import_(
        "/sink/{{lookup.customers}}", mappings=[], http={"body": [body]}, lookups=[CALL, rates, kinds]
    )
    workshop.run(workshop.flow(None, sink))
    assert sent(system, "/sink/c1") == [{"n": 1, "rate": "1.08", "kind": "A"}], errors()
    assert sent(system, "/sink/c2") == [{"n": 2, "rate": "1.08", "kind": "A"}]

    system.take("/sink")
    mapped = [node("text", "{{record.id}}-{{lookup.customers}}")]
    workshop.run(workshop.flow(None, workshop.import_(mappings=mapped, lookups=[CALL])))
    assert sorted(row["text"] for row in sent(system) if "text" in row) == ["1-c1", "2-c2"], errors()


def test_what_the_target_has_already_is_looked_up(workshop, system):
    system.serve_pages("/orders", [{"id": i, "mail": f"{i}@x"} for i in (1, 2, 3)])
    system.routes["GET /customers"] = lambda call: {"rows": [{"id": 9}] if call.query["mail"] == "2@x" else []}
    system.take("/sink")
    sink = workshop.import_(
        ignoreExisting=True, mappings=[node("id", "$.id")], http={"ignoreLookupName": "customers", "lookups": [CALL]}
    )
    execution = workshop.run(workshop.flow(None, sink))
    assert (execution.success_count, execution.ignore_count) == (2, 1), errors()
    assert sorted(row["id"] for row in sent(system)) == ["1", "3"]


def test_a_composite_import_updates_what_its_lookup_finds(workshop, system):
    system.serve_pages("/orders", [{"id": i, "mail": f"{i}@x"} for i in (1, 2)])
    system.routes["GET /customers"] = lambda call: {"rows": [{"id": 9}] if call.query["mail"] == "2@x" else []}
    system.take("/sink")
    system.take("/sink/9", method="PUT")
    http = {
        "method": ["POST", "PUT"], "relativeURI": ["/sink", "/sink/{{lookup.customers}}"],
        "requestType": ["CREATE", "UPDATE"], "existingLookupName": "customers",
        "lookups": [{**CALL, "allowFailures": True}],
    }  # fmt: skip
    execution = workshop.run(workshop.flow(None, workshop.import_(mappings=[node("id", "$.id")], http=http)))
    assert execution.success_count == 2, errors()
    assert (sent(system), len(system.made("PUT /sink/9"))) == ([{"id": "1"}], 1)


def test_a_transform_looks_into_caches_and_calls_too(workshop, system):
    system.serve_pages("/orders", [{"id": 1, "mail": "1@x", "cur": "eur"}])
    system.routes["GET /customers"] = lambda call: {"rows": [{"id": 9}]}
    system.take("/sink")
    newer = {
        "mode": "modify",
        "mappings": [node("rate", "$.cur", lookupName="rates"), node("customer", "$.id", lookupName="customers")],
        "lookups": [cache(workshop, eur="1.5"), CALL],
    }
    transform = {"type": "expression", "expression": {"version": "2", "rulesTwoDotZero": newer}}
    execution = workshop.run(workshop.flow(workshop.export(transform=transform), workshop.import_(mappings=[])))
    assert sent(system) == [{"id": 1, "mail": "1@x", "cur": "eur", "rate": "1.5", "customer": "9"}], execution.reason
    execution = workshop.run(workshop.flow(None, workshop.import_("/again", mappings=[], transform=transform)))
    assert sent(system, "/again")[0]["customer"] == "9"


def test_a_query_gives_the_first_row_and_binds_its_values(workshop, system, folder):
    table(folder, "CREATE TABLE customers (id INTEGER, mail TEXT)")
    rows(folder, "INSERT INTO customers VALUES (5, 'o''hara@x')")
    rows(folder, "CREATE TABLE orders (n INTEGER, customer TEXT)")
    system.serve_pages("/orders", [{"id": 1, "mail": "o'hara@x"}, {"id": 2, "mail": "nobody@x"}])
    query = {"name": "customers", "query": "SELECT id FROM customers WHERE mail = {{record.mail}}", "extract": "id"}
    sink = sql_import(
        workshop, sqlite(workshop), mappings=[*CUSTOMER], queryType=["per_record"], lookups=[query],
        query=["INSERT INTO orders VALUES ({{record.id}}, {{record.customer}} || '/' || {{lookup.customers}})"],
    )  # fmt: skip
    execution = workshop.run(workshop.flow(None, sink))
    assert (execution.success_count, execution.error_count) == (1, 1), errors()
    assert rows(folder, "SELECT * FROM orders") == [(1, "5/5")]


def test_a_cache_of_another_organization_is_empty(workshop, system, stranger):
    system.serve_pages("/orders", [{"id": 1, "cur": "eur"}])
    foreign = LookupCache.objects.create(organization=stranger.organization, name="rates")
    LookupEntry.objects.create(cache=foreign, key="eur", value="1")
    lookups = [{"name": "rates", "_lookupCacheId": hex24(foreign.id)}]
    mappings = [node("rate", "$.cur", lookupName="rates")]
    execution = workshop.run(workshop.flow(None, workshop.import_(mappings=mappings, lookups=lookups)))
    assert execution.error_count == 1


def test_a_response_is_transformed_before_anybody_reads_it(workshop, system):
    system.serve_pages("/orders", orders(1))
    system.routes["POST /sink"] = lambda call: {"deep": {"id": 5}}
    system.take("/next")
    transform = {
        "type": "expression",
        "expression": {"version": "1", "rules": [[{"extract": "deep.id", "generate": "n"}]]},
    }
    fields = {"fields": [{"extract": "_json.n", "generate": "made"}], "lists": []}
    first = (workshop.import_(responseTransform=transform), {"responseMapping": fields})
    execution = workshop.run(workshop.flow(None, first, workshop.import_("/next", mappings=[])))
    assert [row["made"] for row in sent(system, "/next")] == [5], execution.reason


@pytest.mark.parametrize(("limit", "sizes"), [(200, [4, 4]), (90, [2, 2, 2, 2]), (0, [8])])
def test_a_batch_is_cut_where_its_target_takes_no_more_bytes(workshop, system, limit, sizes):
    system.serve_pages("/orders", orders(8))
    system.take("/sink")
    sink = workshop.import_(http={"batchSize": 10, **({"endPointBodyLimit": limit} if limit else {})})
    execution = workshop.run(workshop.flow(None, sink))
    assert execution.success_count == 8, errors()
    assert sorted(len(row) for row in sent(system)) == sizes


def test_a_record_larger_than_its_target_takes_fails_alone(workshop, system):
    system.serve_pages("/orders", [*orders(2), {"id": 3, "name": "x" * 500}])
    system.take("/sink")
    workshop.run(workshop.flow(None, workshop.import_(http={"batchSize": 3, "endPointBodyLimit": 300})))
    assert RecordError.objects.get().code == "too_large"
    assert sum(len(row) for row in sent(system)) == 2
