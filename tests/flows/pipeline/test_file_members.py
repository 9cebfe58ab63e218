"""Members of file documents, one by one, by what stands in the file or comes out of it."""

import json

import pytest
from django.conf import settings
from openpyxl import load_workbook

from apps.connections.models import Connection
from apps.core.errors import ValidationErrors
from apps.executions.models import RecordError
from apps.flows.models import Export, Import
from tests.api import Api, fields_of
from tests.file_servers import PASSWORD, USER, ftp_server
from tests.flows.pipeline.test_file_formats import laid
from tests.flows.pipeline.test_files_and_sql import file_export, file_import
from tests.flows.pipeline.test_lookups import node, sent
from tests.flows.pipeline.test_runs import orders
from tests.flows.pipeline.test_steps import script

ODD = [{"id": 1, "name": "tab\there", "note": "two\r\nlines"}, {"id": 2, "name": 'a "b"', "note": "x,y"}]
COLUMNS = [node("id", "$.id"), node("name", "$.name"), node("note", "$.note")]


def written(workshop, files, *, mappings=COLUMNS, **file):
    execution = workshop.run(workshop.flow(None, file_import(workshop, files, mappings=mappings, **file)))
    assert (execution.state, execution.error_count) == ("succeeded", 0), execution.reason
    (made,) = (settings.JUNCTION_FILE_ROOT / workshop.owner.organization.id.hex / "out").iterdir()
    return made


@pytest.mark.parametrize(
    ("csv", "text"),
    [
        ({}, 'id,name,note\n1,tab\there,"two\r\nlines"\n2,"a ""b""","x,y"\n'),
        ({"includeHeader": False, "columnDelimiter": "|"}, '1|tab\there|"two\r\nlines"\n2|"a ""b"""|x,y\n'),
        ({"replaceTabWithSpace": True, "replaceNewlineWithSpace": True, "rowDelimiter": "\r\n"},
         'id,name,note\r\n1,tab here,two lines\r\n2,"a ""b""","x,y"\r\n'),
        ({"wrapWithQuotes": True, "replaceNewlineWithSpace": True, "truncateLastRowDelimiter": True},
         '"id","name","note"\n"1","tab\there","two lines"\n"2","a ""b""","x,y"'),
        ({"customHeaderRows": ["report"], "includeHeader": False},
         'report\n1,tab\there,"two\r\nlines"\n2,"a ""b""","x,y"\n'),
    ],
)  # fmt: skip
def test_a_csv_file_is_written_as_its_import_says(workshop, system, files, csv, text):
    system.serve_pages("/orders", ODD)
    made = written(workshop, files, type="csv", fileName="o.csv", csv=csv)
    assert made.read_bytes().decode() == text


@pytest.mark.parametrize("header", [True, False])
def test_a_sheet_begins_with_its_columns_where_its_import_says(workshop, system, files, header):
    system.serve_pages("/orders", ODD)
    made = written(workshop, files, type="xlsx", fileName="o.xlsx", xlsx={"includeHeader": header})
    rows = [list(row) for row in load_workbook(made).active.iter_rows(values_only=True)]
    assert rows[0] == (["id", "name", "note"] if header else ["1", "tab\there", "two\nlines"])


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_columns_are_the_mappings_though_the_first_record_has_no_value_for_one(workshop, system, files, kind):
    system.serve_pages("/orders", [{"id": 1}, {"id": 2, "name": "B"}])
    made = written(workshop, files, type=kind, fileName=f"o.{kind}")
    if kind == "csv":
        assert made.read_text().splitlines() == ["id,name,note", "1,,", "2,B,"]
    else:
        rows = [list(row) for row in load_workbook(made).active.iter_rows(values_only=True)]
        assert rows == [["id", "name", "note"], ["1", None, None], ["2", "B", None]]


def test_a_mapping_that_makes_a_list_of_rows_writes_several_for_a_record(workshop, system, files):
    lines = [{"id": "A", "lines": [{"sku": "p"}, {"sku": "q"}]}, {"id": "B", "lines": [{"sku": "r"}]}]
    inner = [node("order", "$.id"), node("sku", "$.lines.sku")]
    rows = {"generate": "", "dataType": "objectarray", "status": "Active",
            "buildArrayHelper": [{"extract": "$.lines[*]", "mappings": inner}]}  # fmt: skip
    system.serve_pages("/orders", lines)
    made = written(workshop, files, mappings=[rows], type="csv", fileName="o.csv")
    assert made.read_text().splitlines() == ["order,sku", "A,p", "A,q", "B,r"]


def test_a_csv_file_is_read_by_every_rule_of_its_export(workshop, system, folder, files):
    laid(folder, "a.csv", b'made by hand~~ id ;name ~~1; Ann ~~1;Bo~~2;"Cy"~~')
    system.take("/sink")
    csv = {"columnDelimiter": ";", "rowDelimiter": "~~", "rowsToSkip": 1, "trimSpaces": True, "keyColumns": ["id"]}
    sink = workshop.import_(mappings=[], http={"batchSize": 5})
    workshop.run(workshop.flow(file_export(workshop, files, type="csv", csv=csv), sink))
    assert sent(system) == [[[{"id": "1", "name": "Ann"}, {"id": "1", "name": "Bo"}], [{"id": "2", "name": "Cy"}]]]


def test_a_csv_file_without_a_header_has_numbered_fields(workshop, system, folder, files):
    laid(folder, "a.csv", b"1,Ann\n")
    system.take("/sink")
    export = file_export(workshop, files, type="csv", csv={"hasHeaderRow": False})
    workshop.run(workshop.flow(export, workshop.import_(mappings=[])))
    assert sent(system) == [{"Column0": "1", "Column1": "Ann"}]


def test_a_hook_sees_which_file_each_record_came_from(workshop, system, folder, files):
    laid(folder, "a.csv", b"id\n1\n2\n")
    laid(folder, "b.csv", b"id\n3\n")
    system.take("/sink")
    text = """function f(o) { return {data: o.data.map((r, i) =>
        ({id: r.id, from: o.files[i].fileMeta.fileName, size: o.files[i].fileMeta.fileSize})), errors: []}; }"""
    export = file_export(workshop, files, type="csv")
    export.document |= {"pageSize": 2, "hooks": {"preSavePage": {"_scriptId": script(workshop, text), "function": "f"}}}
    export.save()
    workshop.run(workshop.flow(export, workshop.import_(mappings=[])))
    found = {row["id"]: (row["from"], row["size"]) for row in sent(system)}
    assert found == {"1": ("a.csv", 7), "2": ("a.csv", 7), "3": ("b.csv", 5)}


@pytest.mark.parametrize("together", [2, 10])
@pytest.mark.parametrize("backup", [{}, {"backupPath": "kept"}])
def test_files_that_were_sent_leave_though_a_bad_one_ends_their_batch(
    workshop, system, folder, files, *, together, backup
):
    for name, content in (("a", b'[{"id": 1}]'), ("b", b'[{"id": 2}]'), ("c", b'[{"id": 3}]'), ("d", b"[")):
        laid(folder, f"{name}.json", content)
    system.take("/sink")
    export = file_export(workshop, files, type="json", batchSize=together, **backup)
    flow = workshop.flow(export, workshop.import_(mappings=[]))
    for _ in range(2):
        execution = workshop.run(flow)
        assert execution.state == "failed" and "d.json" in execution.reason
        assert [path.name for path in (folder / "in").iterdir()] == ["d.json"]
        assert sorted(row["id"] for row in sent(system)) == [1, 2, 3]
    if backup:
        assert sorted(path.name for path in (folder / "kept").iterdir()) == ["a.json", "b.json", "c.json"]


def test_files_that_cannot_leave_after_a_limit_fail_their_run(workshop, system, folder, files):
    laid(folder, "a.json", b'[{"id": 1}]')
    laid(folder, "b.json", b'[{"id": 2}]')
    (folder / "kept").write_text("no folder")
    system.take("/sink")
    export = file_export(workshop, files, type="json", batchSize=10, backupPath="kept")
    export.document["test"], export.type = {"limit": 1}, "test"
    export.save()
    execution = workshop.run(workshop.flow(export, workshop.import_(mappings=[])))
    assert execution.state == "failed" and "kept" in execution.reason
    assert [row["id"] for row in sent(system)] == [1]
    assert sorted(path.name for path in (folder / "in").iterdir()) == ["a.json", "b.json"]
    assert RecordError.objects.filter(execution=execution).count() == 1


@pytest.mark.parametrize(
    ("change", "taken", "left"),
    [
        ({"test": {"limit": 2}}, [1, 2], ["b.json", "c.json"]),
        ({"test": {"limit": 3}}, [1, 2, 3], ["c.json"]),
        ({"pageSize": 1}, [1, 2, 3], ["c.json"]),
        ({"pageSize": 2}, [1, 2], ["b.json", "c.json"]),
    ],
)
def test_files_whose_records_all_are_sent_leave_when_reading_ends_early(
    workshop, system, folder, files, *, change, taken, left
):
    for name, content in (("a", b'[{"id": 1}]'), ("b", b'[{"id": 2}, {"id": 3}]'), ("c", b'[{"id": 4}]')):
        laid(folder, f"{name}.json", content)
    system.take("/sink")
    export = file_export(workshop, files, type="json", batchSize=10)
    export.document |= change
    export.type = "test" if "test" in change else ""
    if "pageSize" in change:
        text = "function f(o) { return {data: o.data, errors: [], abort: o.data.some(r => r.id > 1)}; }"
        export.document["hooks"] = {"preSavePage": {"_scriptId": script(workshop, text), "function": "f"}}
    export.save()
    execution = workshop.run(workshop.flow(export, workshop.import_(mappings=[])))
    assert execution.state == "succeeded", execution.reason
    assert sorted(row["id"] for row in sent(system)) == taken
    assert sorted(path.name for path in (folder / "in").iterdir()) == left


def test_a_pages_file_is_told_to_a_hook_and_to_the_steps_behind(workshop, system, folder, files):
    system.serve_pages("/orders", orders(3))
    system.take("/sink")
    text = "function f(o) { return o.responseData.map(r => ({...r, id: 'in ' + r._json.fileName})); }"
    sink = file_import(workshop, files, type="csv", fileName="o.csv", skipAggregation=True, batchSize=2)
    sink.document["hooks"] = {"postSubmit": {"_scriptId": script(workshop, text), "function": "f"}}
    sink.save()
    mapping = {"responseMapping": {"fields": [{"extract": "id", "generate": "where"}]}}
    workshop.run(workshop.flow(None, (sink, mapping), workshop.import_(mappings=[], http={"batchSize": 5})))
    assert [[row["where"] for row in page] for page in sent(system)] == [["in o.csv", "in o.csv", "in o-2.csv"]]

    sink.document["file"].pop("skipAggregation")
    sink.document["file"].pop("batchSize")
    sink.save()
    with pytest.raises(ValidationErrors) as info:
        workshop.start(workshop.flow(None, sink))
    assert [error.field for error in info.value.errors] == ["hooks.postSubmit"]


# -- places


@pytest.fixture
def server(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    with ftp_server(root) as found:
        yield found


@pytest.fixture
def away(workshop, server):
    login = {"type": "ftp", "hostURI": "127.0.0.1", "port": server.port, "username": USER, "password": PASSWORD}
    return Connection.objects.create(
        organization=workshop.owner.organization, name="away", type="ftp",
        document={"ftp": login, "settings": {"of": "eu"}},
    )  # fmt: skip


def ftp_export(workshop, away, **ftp):
    document = {"pageSize": 10, "file": {"type": "csv"}, "ftp": ftp}
    return Export.objects.create(
        organization=workshop.owner.organization, name="away", connection=away, adaptor_type="FTPExport",
        document=document,
    )  # fmt: skip


def test_only_files_whose_names_fit_are_read_from_a_folder_named_by_a_template(workshop, system, server, away):
    folder = server.root / "eu"
    folder.mkdir()
    for name in ("ORD_1.csv", "ord_2.csv", "ORD_3.txt", "INV_4.csv"):
        (folder / name).write_text(f"id,name\n{name[4]},x\n")
    system.take("/sink")
    export = ftp_export(
        workshop, away, directoryPath="{{settings.connection.of}}", fileNameStartsWith="{{uppercase \"ord_\"}}",
        fileNameEndsWith=".csv", backupDirectoryPath="done/{{timestamp 'YYYY'}}",
    )  # fmt: skip
    execution = workshop.run(workshop.flow(export, workshop.import_()))

    assert (execution.state, execution.success_count) == ("succeeded", 1), execution.reason
    assert [row["external_id"] for row in sent(system)] == [1]
    assert len(list((server.root / "done").glob("*/ORD_1.csv"))) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["INV_4.csv", "ORD_3.txt", "ord_2.csv"]


def test_an_export_may_name_its_file_and_leaves_one_that_is_being_written(workshop, system, server, away):
    for name in ("a.csv", "b.csv", "c.part"):
        (server.root / name).write_text(f"id,name\n1,{name}\n")
    system.take("/sink")
    (server.root / "d.csv").write_text("id,name\n1,d.csv\n")
    workshop.run(workshop.flow(ftp_export(workshop, away, fileName="b.csv"), workshop.import_()))
    other = ftp_export(workshop, away)
    other.document["file"]["fileName"] = '{{lowercase "D"}}.csv'
    other.save()
    workshop.run(workshop.flow(other, workshop.import_()))
    assert [row["name"] for row in sent(system)] == ["b.csv", "d.csv"]
    workshop.run(workshop.flow(ftp_export(workshop, away, inProgressFileName="c.part"), workshop.import_()))
    assert [row["name"] for row in sent(system)] == ["b.csv", "d.csv", "a.csv"]
    assert [path.name for path in server.root.iterdir()] == ["c.part"]


def test_a_file_grows_under_its_temporary_name_and_a_copy_is_kept(workshop, system, server, away):
    system.serve_pages("/orders", orders(2))
    (server.root / "o.tmp").write_text("left by somebody")
    ftp = {
        "directoryPath": "/", "fileName": "o.csv", "inProgressFileName": "o.tmp", "backupDirectoryPath": "kept",
    }  # fmt: skip
    sink = Import.objects.create(
        organization=workshop.owner.organization, name="away", connection=away, adaptor_type="FTPImport",
        document={"ftp": ftp, "file": {"type": "csv"}, "mappings": COLUMNS[:2]},
    )  # fmt: skip
    execution = workshop.run(workshop.flow(None, sink))
    assert execution.state == "succeeded", execution.reason
    assert (
        (server.root / "o.csv").read_text()
        == (server.root / "kept" / "o.csv").read_text()
        == "id,name\n1,Order 1\n2,Order 2\n"
    )
    assert not (server.root / "o.tmp").exists()


# -- what is refused


@pytest.mark.parametrize(
    ("file", "field"),
    [
        ({"type": "filedefinition"}, "file.type"),
        ({"type": "csv", "fileDefinition": {"resourcePath": "a"}}, "file.fileDefinition"),
        ({"type": "csv", "batchSize": 1001}, "file.batchSize"),
    ],
)
def test_a_document_that_leans_on_what_is_not_here_is_not_saved(workshop, files, file, field):
    api = Api(workshop.owner, prefix="/v1")
    document = {"name": "f", "_connectionId": files.hex_id, "adaptorType": "FileSystemExport", "file": file}
    answer = api.post("/exports", document)
    assert (answer.status_code, fields_of(answer)) == (422, [field])
    if field != "file.batchSize":
        refused = api.post("/imports", {**document, "adaptorType": "FileSystemImport"})
        assert (refused.status_code, fields_of(refused)) == (422, [field])
        assert "file definition" in refused.json()["errors"][0]["message"]


# -- uploads


def test_an_uploaded_file_is_read_by_the_rules_of_its_export(workshop, system):
    system.take("/sink")
    api = Api(workshop.owner, prefix="/v1")
    file = {"type": "csv", "csv": {"columnDelimiter": ";"}, "sortByFields": [{"field": "id"}]}
    export = api.post("/exports", {"name": "upload", "type": "simple", "file": file}).json()["_id"]
    sink = workshop.import_(mappings=[], http={"batchSize": 5}).hex_id
    flow = {
        "name": "uploaded", "pageGenerators": [{"_exportId": export}],
        "pageProcessors": [{"type": "import", "_importId": sink}],
    }  # fmt: skip
    assert api.post("/flows", flow).status_code == 201
    assert api.post(f"/exports/{export}/data", b"id;name\n2;Bo\n1;Ann\n").status_code == 204
    workshop.work()
    assert sent(system) == [[{"id": "1", "name": "Ann"}, {"id": "2", "name": "Bo"}]]
    broken = api.post("/exports", {"name": "u", "type": "simple", "file": {"type": "xml"}}).json()["_id"]
    assert api.post(f"/exports/{broken}/data", b"<a>").status_code == 400


def test_raw_data_stands_for_an_upload_in_a_preview(workshop):
    api = Api(workshop.owner, prefix="/v1")
    document = {"name": "u", "type": "simple", "file": {"type": "csv"}, "rawData": "id,name\n1,Ann\n"}
    shown = api.post("/exports/preview", document)
    assert (shown.status_code, shown.json()["data"]) == (200, [{"id": "1", "name": "Ann"}]), shown.content
    plain = api.post("/exports/preview", {"name": "u", "type": "simple", "rawData": json.dumps([{"id": 1}])})
    assert plain.json()["data"] == [{"id": 1}]
    assert not RecordError.objects.exists()
