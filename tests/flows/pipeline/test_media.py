"""Flows between systems that speak XML, CSV and forms."""

from email.parser import BytesParser
from email.policy import HTTP

import pytest

from apps.executions.models import RecordError
from tests.flows.pipeline.test_runs import orders
from tests.systems import Answer

XML = {"Content-Type": "application/xml; charset=utf-8"}


def xml(text, status=200):
    return Answer(status, raw=text.encode(), headers=XML)


def order(number):
    return f'<order status="open"><id>{number}</id><name>Order &amp; {number}</name></order>'


def paged(call):
    page = int(call.query["page"])
    return xml(
        f"<?xml version='1.0'?><r xmlns='urn:shop'><pages>3</pages><all>{order(page)}{order(page + 10)}</all></r>"
    )


def xml_export(workshop, path, **http):
    paging = {"method": "page", "page": 1, "maxPagePath": "/r/pages"}
    http = {"successMediaType": "xml", "response": {"resourcePath": path}, "paging": paging, **http}
    return workshop.export("/orders?page={{export.http.paging.page}}", http=http)


@pytest.mark.parametrize("path", ["/r/all/order", "//order", '//order[@status="open"]', "r.all.order"])
def test_pages_of_xml_are_records_wherever_the_path_leads(workshop, system, path):
    system.routes["GET /orders"] = paged
    system.take("/sink")
    execution = workshop.run(workshop.flow(xml_export(workshop, path), workshop.import_()))
    assert (execution.state, execution.success_count) == ("succeeded", 6), execution.reason
    sent = sorted((call.json["external_id"], call.json["name"]) for call in system.made("POST /sink"))
    assert sent == [(n, f"Order & {n}") for n in (1, 2, 3, 11, 12, 13)]


def test_xml_that_declares_entities_fails_the_run(workshop, system):
    bomb = '<!DOCTYPE r [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><r><all><order><id>&b;</id></order></all></r>'
    system.routes["GET /orders"] = lambda call: xml(bomb)
    execution = workshop.run(workshop.flow(xml_export(workshop, "/r/all/order", paging=None), workshop.import_()))
    assert execution.state == "failed" and "entities" in execution.reason


def test_a_failure_told_in_xml_is_one(workshop, system):
    system.routes["GET /orders"] = lambda call: xml("<r><status>down</status><why>at lunch</why></r>")
    response = {"successPath": "/r/status", "successValues": ["ok"], "errorPath": "/r/why/text()"}
    export = xml_export(workshop, "/r/all/order", paging=None)
    export.document["http"]["response"] |= response
    export.save()
    execution = workshop.run(workshop.flow(export, workshop.import_()))
    assert execution.state == "failed" and "at lunch" in execution.reason


def test_a_lookup_reads_xml_for_each_record(workshop, system):
    system.serve_pages("/orders", orders(2))
    system.routes["GET /customer"] = lambda call: xml(f"<c><name>Customer {call.query['id']}</name></c>")
    system.take("/sink")
    http = {"successMediaType": "xml", "response": {"resourcePath": "/c"}}
    found = workshop.export("/customer?id={{record.id}}", is_lookup=True, http=http)
    step = (found, {"responseMapping": {"fields": [{"extract": "data[0].name", "generate": "name"}], "lists": []}})
    workshop.run(workshop.flow(None, step, workshop.import_()))
    assert sorted(call.json["name"] for call in system.made("POST /sink")) == ["Customer 1", "Customer 2"]


def test_rows_of_csv_are_records_by_the_documents_rules(workshop, system):
    kind = {"Content-Type": "text/csv; charset=iso-8859-1"}
    rows = "report\nid;name\n1;Zoë\n2;Bo\n".encode("latin-1")
    system.routes["GET /orders"] = lambda call: Answer(raw=rows, headers=kind)
    system.take("/sink")
    rules = {"csv": {"columnDelimiter": ";", "rowsToSkip": 1}}
    export = workshop.export("/orders", http={"successMediaType": "csv", "response": {}}, file=rules)
    execution = workshop.run(workshop.flow(export, workshop.import_()))
    assert execution.success_count == 2, execution.reason
    assert sorted(call.json["name"] for call in system.made("POST /sink")) == ["Bo", "Zoë"]


@pytest.mark.parametrize(
    ("http", "file", "body"),
    [
        ({"type": "file"}, {"type": "jsonl"}, '{"id": 1, "name": "a"}\n{"id": 2, "name": "b"}\n'),
        ({"type": "file"}, {"type": "xml", "xml": {"resourcePath": "//o"}},
         "<l><o id='1' name='a'/><o id='2' name='b'/></l>"),
        ({"type": "csvstream"}, {}, "id,name\n1,a\n2,b\n"),
    ],
)  # fmt: skip
def test_an_answer_that_is_a_file_is_read_as_one(workshop, system, http, file, body):
    system.routes["GET /orders"] = lambda call: Answer(raw=body.encode(), headers={"Content-Type": "text/plain"})
    system.take("/sink")
    export = workshop.export("/orders", http={**http, "response": {}}, file=file)
    execution = workshop.run(workshop.flow(export, workshop.import_()))
    assert execution.success_count == 2, execution.reason
    assert sorted((c.json["external_id"], c.json["name"]) for c in system.made("POST /sink")) == [(1, "a"), (2, "b")]


def test_a_template_of_xml_is_escaped_and_its_answer_judged(workshop, system):
    system.serve_pages("/orders", [{"id": 1, "name": "<Fish & Chips>"}, {"id": 2, "name": "b"}])

    def take(call):
        bad = b"<id>2</id>" in call.body
        return xml("<r><ok>no</ok><why>not two</why></r>" if bad else "<r><ok>yes</ok></r>")

    system.routes["POST /sink"] = take
    http = {
        "requestMediaType": "xml",
        "successMediaType": "xml",
        "body": ["<o><id>{{record.external_id}}</id><n>{{record.name}}</n></o>"],
        "response": {"successPath": ["/r/ok"], "successValues": [["yes"]], "errorPath": "/r/why"},
    }
    execution = workshop.run(workshop.flow(None, workshop.import_(http=http)))
    assert (execution.success_count, execution.error_count) == (1, 1)
    assert RecordError.objects.get().message == "not two"
    sent = system.made("POST /sink")
    assert b"<n>&lt;Fish &amp; Chips&gt;</n>" in b"".join(call.body for call in sent)
    assert {call.headers["Content-Type"] for call in sent} == {"application/xml"}


def test_records_go_out_as_csv_in_batches(workshop, system):
    system.serve_pages("/orders", orders(3))
    system.take("/sink")
    workshop.run(workshop.flow(None, workshop.import_(http={"requestMediaType": "csv", "batchSize": 10})))
    [call] = system.made("POST /sink")
    assert call.headers["Content-Type"] == "text/csv"
    assert call.body.decode() == "external_id,name\n1,Order 1\n2,Order 2\n3,Order 3\n"


@pytest.mark.parametrize("body", [None, ['{"external_id": {{record.external_id}}, "name": "{{record.name}}"}']])
def test_records_go_out_as_forms_of_parts(workshop, system, body):
    system.serve_pages("/orders", [{"id": 1, "name": 'Zoë "Z"' if body is None else "Zoë"}])
    system.take("/sink")
    http = {"requestMediaType": "form-data", **({"body": body} if body else {})}
    workshop.run(workshop.flow(None, workshop.import_(http=http)))
    [call] = system.made("POST /sink")
    head = f"Content-Type: {call.headers['Content-Type']}\r\n\r\n".encode()
    parts = BytesParser(policy=HTTP).parsebytes(head + call.body).iter_parts()
    found = {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode() for part in parts
    }
    assert found == {"external_id": "1", "name": 'Zoë "Z"' if body is None else "Zoë"}
