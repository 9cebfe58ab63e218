"""Flows between folders and systems, in the formats that files come in."""

import gzip
from datetime import datetime

import pytest
from openpyxl import Workbook, load_workbook

from tests.flows.pipeline.test_files_and_sql import file_export, file_import
from tests.flows.pipeline.test_runs import orders

XML = "<?xml version='1.0'?><all><o id='1'><name>Order 1</name></o><o id='2'><name>Order 2</name></o></all>"
CSV = "id,name\n1,Order 1\n2,Order 2\n"


def sheet(path, rows):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)


def laid(folder, name, content):
    (folder / "in").mkdir(exist_ok=True)
    (folder / "in" / name).write_bytes(content)


def taken(system):
    return sorted((call.json["external_id"], call.json["name"]) for call in system.made("POST /sink"))


@pytest.mark.parametrize(
    "case",
    [
        ({"type": "xml", "xml": {"resourcePath": "/all/o"}}, XML.encode()),
        ({"type": "csv", "compressionFormat": "gzip"}, gzip.compress(CSV.encode())),
        ({"type": "csv", "encoding": "utf-16le"}, CSV.encode("utf-16-le")),
    ],
)
def test_a_file_is_read_into_a_system(workshop, system, folder, files, case):
    file, content = case
    laid(folder, "a", content)
    system.take("/sink")
    execution = workshop.run(workshop.flow(file_export(workshop, files, **file), workshop.import_()))
    assert (execution.state, execution.success_count) == ("succeeded", 2), execution.reason
    assert taken(system) == [(1, "Order 1"), (2, "Order 2")]
    assert list((folder / "in").iterdir()) == []


def test_a_sheet_is_read_by_its_header(workshop, system, folder, files):
    (folder / "in").mkdir()
    sheet(
        folder / "in" / "a.xlsx",
        [["id", "name", "at"], *([i, f"Order {i}", datetime(2026, 1, 31)] for i in range(1, 24))],
    )
    system.take("/sink")
    execution = workshop.run(workshop.flow(file_export(workshop, files, type="xlsx"), workshop.import_()))
    assert execution.success_count == 23, execution.reason
    assert taken(system) == [(i, f"Order {i}") for i in range(1, 24)]


@pytest.mark.parametrize(
    "file", [{"type": "xlsx"}, {"type": "xml"}, {"type": "csv", "compressionFormat": "gzip"}, {"type": "metadata"}]
)
def test_a_file_of_another_kind_fails_the_run_by_name_and_stays(workshop, folder, files, file):
    laid(folder, "a.bin", b"neither this nor that")
    if file["type"] == "metadata":
        file = {"type": "csv", "csv": {"columnDelimiter": ","}, "encoding": "klingon"}
    execution = workshop.run(workshop.flow(file_export(workshop, files, **file), workshop.import_()))
    assert execution.state == "failed" and "a.bin" in execution.reason
    assert (folder / "in" / "a.bin").exists()


def test_a_packed_file_that_is_damaged_within_fails_the_run_by_name(workshop, folder, files):
    packed = bytearray(gzip.compress(CSV.encode() * 50))
    packed[12:40] = b"\xff" * 28
    laid(folder, "a.gz", bytes(packed))
    file = {"type": "csv", "compressionFormat": "gzip"}
    execution = workshop.run(workshop.flow(file_export(workshop, files, **file), workshop.import_()))
    assert execution.state == "failed" and "a.gz" in execution.reason


def test_of_metadata_there_is_a_record_a_file(workshop, system, folder, files):
    laid(folder, "a.bin", b"12345")
    laid(folder, "b.bin", b"")
    system.take("/sink")
    export = file_export(workshop, files, output="metadata", skipDelete=True)
    workshop.run(workshop.flow(export, workshop.import_(mappings=[])))
    found = sorted((call.json["fileName"], call.json["fileSize"]) for call in system.made("POST /sink"))
    assert found == [("a.bin", 5), ("b.bin", 0)] and (folder / "in" / "a.bin").exists()


def test_rows_become_a_sheet_and_never_a_formula(workshop, system, folder, files):
    system.serve_pages("/orders", [*orders(24), {"id": 25, "name": "=1+1"}])
    execution = workshop.run(workshop.flow(None, file_import(workshop, files, type="xlsx", fileName="o.xlsx")))
    assert execution.state == "succeeded", execution.reason
    book = load_workbook(folder / "out" / "o.xlsx")
    found = list(book.active.iter_rows(values_only=True))
    assert found[0] == ("external_id", "name") and len(found) == 26
    assert (found[1], found[25]) == ((1, "Order 1"), (25, "=1+1"))
    assert book.active.cell(26, 2).data_type == "s"


@pytest.mark.parametrize(
    "case",
    [
        ({}, "<records>\n<record><external_id>1</external_id><name>&lt;a&gt;</name></record>\n</records>\n"),
        ({"resourcePath": "/all/o"}, "<all>\n<o><external_id>1</external_id><name>&lt;a&gt;</name></o>\n</all>\n"),
        (
            {"body": "<all>{{#each batch_of_records}}<o n='{{record.name}}'/>{{/each}}</all>"},
            "<all><o n='&lt;a&gt;'/></all>",
        ),
    ],
)
def test_rows_become_xml(workshop, system, folder, files, case):
    xml, text = case
    system.serve_pages("/orders", [{"id": 1, "name": "<a>"}])
    execution = workshop.run(workshop.flow(None, file_import(workshop, files, type="xml", fileName="o.xml", xml=xml)))
    assert execution.state == "succeeded", execution.reason
    written = (folder / "out" / "o.xml").read_text()
    assert written.removeprefix('<?xml version="1.0" encoding="UTF-8"?>\n') == text


def test_a_csv_file_can_be_packed_encoded_and_defused(workshop, system, folder, files):
    system.serve_pages("/orders", [{"id": -1, "name": "=cmd()"}, {"id": 2, "name": "Zoë"}])
    rules = {"defuseFormulas": True}
    sink = file_import(
        workshop, files, type="csv", fileName="o.gz", compressionFormat="gzip", encoding="win1252", csv=rules
    )
    workshop.run(workshop.flow(None, sink))
    text = gzip.decompress((folder / "out" / "o.gz").read_bytes()).decode("cp1252")
    assert text == "external_id,name\n-1,'=cmd()\n2,Zoë\n"
