"""Files that flows move without looking into them, and archives they look into."""

import base64
import io
import json
import os
import tracemalloc
import zipfile
from datetime import timedelta
from email import message_from_bytes

import pytest

from apps.core.clock import now
from apps.engine.formats import FormatError
from apps.engine.formats.archives import members_of
from apps.executions.models import RecordError
from apps.flows.models import Blob, Import
from apps.flows.services import blobs
from tests.flows.pipeline.conftest import IDENTITY
from tests.flows.pipeline.test_files_and_sql import file_export, file_import
from tests.flows.pipeline.test_runs import orders
from tests.systems import Answer


@pytest.fixture(autouse=True)
def blob_root(settings, tmp_path):
    settings.BLOB_ROOT = tmp_path / "blobs"
    return settings.BLOB_ROOT


def blob_import(workshop, files, **members):
    return Import.objects.create(
        organization=workshop.owner.organization, name="out", adaptor_type="FileSystemImport", connection=files,
        document={"filesystem": {"directoryPath": "out"}, "blobKeyPath": "blobKey", **members},
    )  # fmt: skip


def put(folder, name, content):
    (folder / "in").mkdir(exist_ok=True)
    (folder / "in" / name).write_bytes(content)


def test_a_large_file_goes_through_whole_and_memory_stays_flat(workshop, folder, files):
    content = os.urandom(1024) * 40_000
    put(folder, "big.bin", content)
    export = file_export(workshop, files, output="blobKeys")
    flow = workshop.flow(export, blob_import(workshop, files, file={"fileName": "copy-{{record.fileName}}"}))
    tracemalloc.start()
    execution = workshop.run(flow)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (execution.state, execution.success_count) == ("succeeded", 1), execution.reason
    assert (folder / "out" / "copy-big.bin").read_bytes() == content
    assert list((folder / "in").iterdir()) == []
    assert peak < len(content) / 4


def test_a_name_that_is_not_given_is_the_files_own_and_what_was_imported_goes_soon(workshop, folder, files):
    put(folder, "a.pdf", b"%PDF")
    export = file_export(workshop, files, output="blobKeys")
    workshop.run(workshop.flow(export, blob_import(workshop, files, deleteAfterImport=True)))

    assert (folder / "out" / "a.pdf").read_bytes() == b"%PDF"
    blob = Blob.objects.get()
    assert blob.expires_at < now() + timedelta(hours=2)
    Blob.objects.update(expires_at=now() - timedelta(seconds=1))
    path = blobs.path_of(blob)
    assert path.exists() and blobs.prune_blobs() == 1
    assert not path.exists() and not Blob.objects.exists()


RAW = [("", b"\x00\xff"), ("base64", base64.b64encode(b"\x00\xff")), ("hex", b"00ff")]


@pytest.mark.parametrize(("form", "raw"), RAW)
def test_an_answer_is_kept_and_sent_on_as_it_is(workshop, system, form, raw):
    headers = {"Content-Type": "application/pdf", "Content-Disposition": 'attachment; filename="doc.pdf"'}
    system.routes["GET /file"] = lambda call: Answer(200, raw=raw, headers=headers)
    system.take("/sink")
    export = workshop.export("/file", type="blob", http={"type": "blob", "response": {"blobFormat": form}})
    execution = workshop.run(workshop.flow(export, workshop.import_(mappings=[], blobKeyPath="blobKey")))

    assert (execution.state, execution.error_count) == ("succeeded", 0), list(RecordError.objects.values("message"))
    (call,) = system.made("POST /sink")
    assert (call.body, call.headers["Content-Type"]) == (b"\x00\xff", "application/octet-stream")
    assert Blob.objects.get().name == "doc.pdf"


def test_a_blob_is_a_part_of_a_form_beside_the_records_fields(workshop, system, folder, files):
    put(folder, "a.txt", b"hello\r\n--x")
    system.take("/sink")
    sink = workshop.import_(mappings=[], blobKeyPath="blobKey", http={"requestMediaType": "form-data"})
    workshop.run(workshop.flow(file_export(workshop, files, output="blobKeys"), sink))

    (call,) = system.made("POST /sink")
    kind = f"Content-Type: {call.headers['Content-Type']}\r\n\r\n".encode()
    found = message_from_bytes(kind + call.body).get_payload()
    parts = {part.get_param("name", header="content-disposition"): part for part in found}
    assert parts["file"].get_filename() == "a.txt"
    assert parts["file"].get_payload(decode=True) == b"hello\r\n--x"
    assert parts["fileSize"].get_payload() == "10"


def test_a_lookup_keeps_a_file_for_each_record(workshop, system, folder, files):
    system.serve_pages("/orders", orders(2))
    system.routes["GET *"] = lambda call: Answer(200, raw=call.path.encode(), headers={"Content-Type": "text/plain"})
    find = workshop.export("/files/{{record.id}}.txt", is_lookup=True, http={"type": "blob"})
    mapping = {"responseMapping": {"fields": [{"extract": "data[0].blobKey", "generate": "blobKey"}]}}
    workshop.run(workshop.flow(None, (find, mapping), blob_import(workshop, files)))

    made = {path.name: path.read_text() for path in (folder / "out").iterdir()}
    assert made == {"1.txt": "/files/1.txt", "2.txt": "/files/2.txt"}


def test_a_record_that_names_no_blob_of_its_organization_fails_alone(workshop, system, folder, files, stranger):
    theirs = blobs.keep_blob([b"secret"], organization_id=stranger.organization.id, name="theirs")
    ours = blobs.keep_blob([b"ours"], organization_id=workshop.owner.organization.id, name="ours")
    keys = [theirs.hex_id, "nonsense", None, "../../../etc/passwd", ours.hex_id]
    system.serve_pages("/orders", [{"id": i, "blobKey": key} for i, key in enumerate(keys)])
    execution = workshop.run(workshop.flow(None, blob_import(workshop, files)))

    assert (execution.success_count, execution.error_count) == (1, 4)
    assert [path.name for path in (folder / "out").iterdir()] == ["ours"]


def test_reading_the_same_file_again_keeps_one_blob(workshop, folder, files):
    put(folder, "a.bin", b"1")
    export = file_export(workshop, files, output="blobKeys", skipDelete=True)
    flow = workshop.flow(export, blob_import(workshop, files))
    workshop.run(flow)
    workshop.run(flow)
    assert Blob.objects.count() == 1


# -- archives


def archive(**members):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name.replace("_", "."), content)
    return made.getvalue()


def test_all_files_of_an_archive_are_read(workshop, system, folder, files):
    put(folder, "a.zip", archive(a_csv="id,name\n1,x\n2,y\n", b_csv="id,name\n3,z\n"))
    system.take("/sink")
    export = file_export(workshop, files, type="csv", compressionFormat="zip")
    execution = workshop.run(workshop.flow(export, workshop.import_(mappings=[])))

    assert execution.state == "succeeded", execution.reason
    assert sorted(call.json["id"] for call in system.made("POST /sink")) == ["1", "2", "3"]


def test_a_file_is_written_into_an_archive_of_its_name(workshop, system, folder, files):
    system.serve_pages("/orders", orders(3))
    sink = file_import(workshop, files, IDENTITY, type="json", fileName="o.json.zip", compressionFormat="zip")
    workshop.run(workshop.flow(None, sink))
    with zipfile.ZipFile(folder / "out" / "o.json.zip") as made:
        assert made.namelist() == ["o.json"]
        assert len(json.loads(made.read("o.json"))) == 3


def test_a_bomb_an_encrypted_and_a_broken_archive_fail_by_what_they_are(workshop, folder, files):
    put(folder, "a.zip", archive(bomb_csv="id\n" + "0" * 200_000_000))
    flow = workshop.flow(file_export(workshop, files, type="csv", compressionFormat="zip"))
    execution = workshop.run(flow)
    assert execution.state == "failed" and ("more than is allowed" in execution.reason or "long" in execution.reason)
    put(folder, "a.zip", b"no archive")
    execution = workshop.run(flow)
    assert execution.state == "failed" and "not packed" in execution.reason


def test_names_in_an_archive_lead_nowhere():
    made = archive(**{"../../etc/passwd": "x"})
    assert [member.read() for member in members_of(io.BytesIO(made))] == [b"x"]


def test_an_archive_of_too_many_files_is_refused():
    made = archive(**{f"f{i}": "" for i in range(1001)})
    with pytest.raises(FormatError, match="1001 files"):
        next(members_of(io.BytesIO(made)))
