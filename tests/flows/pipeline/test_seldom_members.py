"""Members of documents that hardly anybody sets, each by what comes of it."""

import pytest
from django.conf import settings

from apps.executions.models import RecordError
from tests.flows.pipeline.test_file_formats import laid
from tests.flows.pipeline.test_files_and_sql import file_export, file_import, rows, sql_import, sqlite, table
from tests.flows.pipeline.test_lookups import CALL, CUSTOMER, node, sent
from tests.flows.pipeline.test_runs import orders
from tests.flows.pipeline.test_steps import script
from tests.systems import Answer

# -- files


def read(workshop, system, files, *, document=None, **file):
    """What a system is sent of the folder's files, page by page."""
    system.take("/sink")
    export = file_export(workshop, files, **file)
    export.document |= document or {}
    export.save()
    execution = workshop.run(workshop.flow(export, workshop.import_(mappings=[], http={"batchSize": 50})))
    assert execution.state == "succeeded", execution.reason
    return [record for page in sent(system) for record in page]


def test_rows_without_a_key_are_one_group_where_the_export_says_so(workshop, system, folder, files):
    laid(folder, "a.csv", b"k,n\n,1\n,2\nx,3\nx,4\n")
    by = {"type": "csv", "groupByFields": ["k"], "skipDelete": True}
    assert [len(group) for group in read(workshop, system, files, **by, groupEmptyValues=True)] == [2, 2]
    system.calls.clear()
    assert [len(group) for group in read(workshop, system, files, **by)] == [1, 1, 2]


def test_quotes_are_letters_where_the_export_says_so(workshop, system, folder, files):
    laid(folder, "a.csv", b'a,b\n"1",5" pipe\n')
    csv = {"disableQuoteAndStripEnclosingQuotes": True}
    assert read(workshop, system, files, type="csv", csv=csv) == [{"a": "1", "b": '5" pipe'}]


ENCODINGS = {
    "win1252": ("cp1252", "Zoë €"), "gb18030": ("gb18030", "你好"), "macroman": ("mac-roman", "Zoë"),
    "iso88591": ("latin-1", "Zoë"), "shiftjis": ("cp932", "こんにちは"),
}  # fmt: skip


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_file_is_read_and_written_in_its_encoding(workshop, folder, files, encoding):
    codec, word = ENCODINGS[encoding]
    laid(folder, "a.csv", f"id,name\n1,{word}\n".encode(codec))
    sink = file_import(workshop, files, type="csv", fileName="o.csv", encoding=encoding)
    workshop.run(workshop.flow(file_export(workshop, files, type="csv", encoding=encoding), sink))
    assert (folder / "out" / "o.csv").read_bytes() == f"external_id,name\n1,{word}\n".encode(codec)


def test_xml_becomes_json_by_the_rules_of_a_parser(workshop, system, folder, files):
    laid(folder, "a.xml", b"<r><o id='1'> <n>\n Ann\n</n><tag>x</tag><secret>s</secret><t lang='en'> hi </t></o></r>")
    rules = {
        "V0_json": False, "trimSpaces": True, "stripNewLineChars": True, "attributePrefix": "-", "textNodeName": "#",
        "listNodes": ["/r/o/tag"], "excludeNodes": ["secret"],
    }  # fmt: skip
    parsers = {"parsers": [{"type": "xml", "version": 1, "rules": rules}]}
    kind = {"type": "xml", "xml": {"resourcePath": "/r/o"}}
    (found,) = read(workshop, system, files, document=parsers, **kind)
    assert found == {"-id": "1", "n": "Ann", "tag": ["x"], "t": {"-lang": "en", "#": "hi"}}


def test_xml_keeps_only_the_nodes_that_a_parser_includes(workshop, system, folder, files):
    laid(folder, "a.xml", b"<r><o><n>1</n><m>2</m></o></r>")
    parsers = {"parsers": [{"type": "xml", "version": 1, "rules": {"V0_json": False, "includeNodes": ["n"]}}]}
    assert read(workshop, system, files, document=parsers, type="xml", xml={"resourcePath": "/r/o"}) == [{"n": "1"}]


@pytest.mark.parametrize(
    ("file", "count"),
    [
        ({"aggregation": {"type": "page"}}, 2),
        ({"aggregation": {"type": "all"}, "skipAggregation": True}, 1),
        ({"skipRename": True}, 1),
    ],
)
def test_the_newer_word_for_aggregation_wins(workshop, system, files, file, count):
    system.serve_pages("/orders", [{"id": i, "page": i // 10} for i in range(20)])
    sink = file_import(workshop, files, mappings=[], type="json", fileName="o-{{record.page}}.json", **file)
    assert workshop.run(workshop.flow(None, sink)).state == "succeeded"
    out = settings.JUNCTION_FILE_ROOT / workshop.owner.organization.id.hex / "out"
    assert sorted(path.name for path in out.iterdir()) == [f"o-{n}.json" for n in range(count)]


# -- sources


@pytest.mark.parametrize(
    ("form", "found"),
    [
        ({"hasHeader": True}, [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]),
        ({"hasHeader": False}, [{"Column0": "id", "Column1": "name"}, {"Column0": 1, "Column1": "a"},
                                {"Column0": 2, "Column1": "b"}]),
        ({"doNotNormalize": True}, [["id", "name"], [1, "a"], [2, "b"]]),
    ],
)  # fmt: skip
def test_rows_of_cells_are_records(workshop, system, form, found):
    system.routes["GET /table"] = lambda call: {"rows": [["id", "name"], [1, "a"], [2, "b"]]}
    system.take("/sink")
    export = workshop.export("/table", http={"response": {"resourcePath": "rows", "twoDArray": form}})
    workshop.run(workshop.flow(export, workshop.import_(mappings=[], http={"batchSize": 5})))
    assert sent(system) == [found]


def test_a_hook_may_hand_back_a_record_with_its_error(workshop, system):
    text = """function f(o) { return {data: o.data.slice(1), newErrorsAndRetryData:
        [{retryData: o.data[0], errors: [{code: 'odd', message: 'page ' + o.pageIndex}]}]}; }"""
    hooks = {"preSavePage": {"_scriptId": script(workshop, text), "function": "f"}}
    system.serve_pages("/orders", orders(3))
    system.take("/sink")
    execution = workshop.run(workshop.flow(workshop.export(hooks=hooks)))
    assert (execution.success_count, execution.error_count) == (2, 1)
    error = RecordError.objects.get()
    assert (error.code, error.message, error.trace_key) == ("odd", "page 0", "1")


# -- imports


def test_a_mapping_may_see_its_surroundings_too(workshop, system):
    system.serve_pages("/orders", orders(1))
    system.take("/sink")
    workshop.connection.document["settings"] = {"shop": "eu"}
    workshop.connection.save()
    seen = [
        node("id", "$.record.id"), node("of", "$.settings.flow.of"), node("shop", "$.settings.connection.shop"),
        node("name", "$.import.name"), node("job", "$.job.parentJob.type"),
    ]  # fmt: skip
    flow = workshop.flow(None, workshop.import_(inputContext="envelope", mappings=seen), settings={"of": "flow"})
    workshop.run(flow)
    assert sent(system) == [{"id": "1", "of": "flow", "shop": "eu", "name": "sink", "job": "flow"}]


def test_the_body_of_a_lookup_may_stand_under_its_older_name(workshop, system):
    system.serve_pages("/orders", [{"id": 1, "mail": "a@x"}])
    system.routes["POST /customers"] = lambda call: {"rows": [{"id": call.json["q"]}]}
    system.take("/sink")
    call = {**CALL, "method": "POST", "relativeURI": "/customers", "postBody": '{"q": "{{record.mail}}"}'}
    workshop.run(workshop.flow(None, workshop.import_(mappings=CUSTOMER, lookups=[call])))
    assert sent(system) == [{"id": "1", "customer": "a@x"}]


# -- SQL


def test_what_is_run_on_the_first_page_is_run_once_in_a_run(workshop, system, folder):
    table(folder, "CREATE TABLE begun (n INTEGER)")
    system.serve_pages("/orders", orders(25))
    count = "INSERT INTO begun SELECT {{#each batch_of_records}}{{#if @first}}1{{/if}}{{/each}}"
    sink = sql_import(workshop, sqlite(workshop), mappings=[], queryType=["first_page"], query=[count])
    flow = workshop.flow(None, sink)
    flow.document["pageGenerators"].append({"_exportId": workshop.export().hex_id})
    flow.save()
    for runs in (1, 2):
        execution = workshop.run(flow)
        assert (execution.state, execution.success_count) == ("succeeded", 50), execution.reason
        assert rows(folder, "SELECT count(*) FROM begun") == [(runs,)]


def test_a_first_page_that_fails_fails_its_own_records(workshop, system, folder):
    table(folder)
    system.serve_pages("/orders", orders(25))
    sink = sql_import(workshop, sqlite(workshop), queryType=["first_page"], query=["INSERT INTO nowhere VALUES (1)"])
    execution = workshop.run(workshop.flow(None, sink))
    assert (execution.success_count, execution.error_count) == (15, 10)


@pytest.mark.parametrize("kind", ["INSERT", "UPDATE"])
def test_an_import_of_the_older_kind_still_runs_record_by_record(workshop, system, folder, kind):
    table(folder)
    rows(folder, "INSERT INTO orders VALUES (1, 'old')")
    system.serve_pages("/orders", [{"id": 1 if kind == "UPDATE" else 2, "name": "new"}])
    query = {
        "INSERT": "INSERT INTO orders VALUES ({{record.external_id}}, {{record.name}})",
        "UPDATE": "UPDATE orders SET name = {{record.name}} WHERE external_id = {{record.external_id}}",
    }[kind]
    execution = workshop.run(
        workshop.flow(None, sql_import(workshop, sqlite(workshop), queryType=[kind], query=[query]))
    )
    assert (execution.state, execution.error_count) == ("succeeded", 0), execution.reason
    assert ("new",) in rows(folder, "SELECT name FROM orders")


# -- names of records


def test_a_record_is_known_by_what_its_export_calls_it_on_all_its_way(workshop, system):
    system.serve_pages("/orders", [{"nr": {"of": "A-1"}}, {"nr": {"of": 2}}, {"id": "x"}])
    system.routes["POST /sink"] = lambda call: Answer(400, {})
    response = {"resourcePath": "data", "resourceIdPath": "nr.of"}
    sink = workshop.import_(mappings=[])
    workshop.run(workshop.flow(workshop.export(http={"response": response}), sink))
    assert traces() == ["2", "A-1", "x"]
    workshop.run(workshop.flow(workshop.export(traceKeyTemplate="no {{record.nr.of}}"), sink))
    assert traces() == ["no ", "no 2", "no A-1"]
    workshop.run(workshop.flow(None, workshop.import_(mappings=[], traceKeyTemplate="own {{record.nr.of}}")))
    assert traces() == ["own ", "own 2", "own A-1"]


def test_a_child_is_known_by_its_parents_name_and_its_own(workshop, system):
    system.serve_pages("/orders", [{"nr": "A", "lines": [{"sku": "p"}]}])
    system.routes["POST /sink"] = lambda call: Answer(400, {})
    many = {"oneToMany": True, "pathToMany": "lines", "traceKeyTemplate": "{{record.sku}}"}
    export = workshop.export(traceKeyTemplate="{{record.nr}}")
    workshop.run(workshop.flow(export, workshop.import_(mappings=[], **many)))
    assert traces() == ["A - p"]


def traces():
    found = sorted(RecordError.objects.values_list("trace_key", flat=True))
    RecordError.objects.all().delete()
    return found
