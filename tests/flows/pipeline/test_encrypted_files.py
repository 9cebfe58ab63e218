"""Files that come and go encrypted with OpenPGP, by the keys of their connection."""

import shutil
import subprocess
import tempfile

import pysequoia
import pytest

from apps.connections.models import Connection
from apps.engine.formats import archives
from apps.executions.models import Exchange
from tests.api import Api, fields_of
from tests.flows.pipeline.test_file_formats import laid
from tests.flows.pipeline.test_files_and_sql import file_export, file_import
from tests.flows.pipeline.test_lookups import sent
from tests.flows.pipeline.test_refusals import refused
from tests.flows.pipeline.test_runs import orders
from tests.pgp_keys import PASSPHRASE, PRIVATE, PUBLIC

KEYS = {"publicKey": PUBLIC, "privateKey": PRIVATE, "passphrase": PASSPHRASE}
needs_gnupg = pytest.mark.skipif(shutil.which("gpg") is None, reason="needs GnuPG")
CSV = b"id,name\n" + b"".join(b"%d,Order %d\n" % (i, i) for i in range(1, 13))


def sealed(content, public=PUBLIC):
    return pysequoia.encrypt(recipients=[pysequoia.Cert.from_bytes(public.encode())], bytes=content)


def opened(message):
    key = pysequoia.Tsk.from_bytes(PRIVATE.encode()).decryptor(PASSPHRASE)
    return pysequoia.decrypt(message, decryptor=key).bytes


@pytest.fixture
def api(workshop):
    return Api(workshop.owner, prefix="/v1")


@pytest.fixture
def locked(api):
    """Makes a connection to the folder with these keys."""

    def make(keys=KEYS):
        answer = api.post("/connections", {"name": "locked", "type": "filesystem", "pgp": keys})
        assert answer.status_code == 201, answer.content
        return Connection.objects.get(name="locked")

    return make


def test_an_encrypted_file_is_read_and_one_for_somebody_else_stays(workshop, system, folder, locked):
    laid(folder, "a.csv", sealed(CSV))
    system.take("/sink")
    export = file_export(workshop, locked(), type="csv", decrypt="pgp")
    execution = workshop.run(workshop.flow(export, workshop.import_()))
    assert (execution.state, execution.success_count) == ("succeeded", 12), execution.reason
    assert sorted(row["external_id"] for row in sent(system)) == list(range(1, 13))
    assert list((folder / "in").iterdir()) == []

    stranger = str(pysequoia.Tsk.generate("stranger").extract_certificate())
    for name, content in (("b.csv", sealed(CSV, stranger)), ("c.csv", CSV)):
        laid(folder, name, content)
        execution = workshop.run(workshop.flow(export, workshop.import_()))
        assert execution.state == "failed" and f"{name}: The file cannot be decrypted" in execution.reason
        (folder / "in" / name).unlink()


@needs_gnupg
def test_a_bomb_fails_and_a_well_packed_file_does_not(workshop, system, folder, locked, *, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "SMALL", 100_000)
    monkeypatch.setattr(archives, "MOST_RATIO", 20)
    disk = tmp_path / "disk"
    disk.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    system.take("/sink")
    flow = workshop.flow(file_export(workshop, locked(), type="csv", decrypt="pgp"), workshop.import_(mappings=[]))
    (tmp_path / "public").write_text(PUBLIC)
    gpg = ["gpg", "--homedir", str(tmp_path), "--batch", "--recipient-file", str(tmp_path / "public")]
    for length, state in ((50_000, "succeeded"), (5_000_000, "failed")):
        row = b"id,name\n1,%s\n" % (b"x" * length)
        command = [*gpg, "--compress-algo", "zlib", "-z", "9", "--encrypt"]
        message = subprocess.run(command, input=row, check=True, capture_output=True).stdout
        assert len(message) * 20 < length
        laid(folder, "a.csv", message)
        execution = workshop.run(flow)
        assert execution.state == state, execution.reason
        assert list(disk.iterdir()) == []
    assert "a.csv: The file is encrypted and unpacks to more than is allowed" in execution.reason
    assert [len(row["name"]) for row in sent(system)] == [50_000]
    assert (folder / "in" / "a.csv").exists()


@pytest.mark.parametrize("file", [{}, {"skipAggregation": True}, {"compressionFormat": "gzip"}])
def test_a_file_is_written_for_the_receivers_key_alone(workshop, system, folder, locked, file):
    system.serve_pages("/orders", orders(3))
    pgp = {"symmetricKeyAlgorithm": "aes256"}
    sink = file_import(workshop, locked(), type="csv", fileName="o.csv.pgp", encrypt=True, pgp=pgp, **file)
    execution = workshop.run(workshop.flow(None, sink))
    assert execution.state == "succeeded", execution.reason
    message = (folder / "out" / "o.csv.pgp").read_bytes()
    assert message.startswith(b"-----BEGIN PGP MESSAGE-----")
    assert (b"Order 2" in opened(message)) == (not file.get("compressionFormat"))
    assert not Exchange.objects.filter(url__contains=PASSPHRASE).exists()


def test_a_file_that_is_not_parsed_is_decrypted_and_encrypted_too(workshop, folder, locked, settings, tmp_path):
    settings.BLOB_ROOT = tmp_path / "blobs"
    laid(folder, "a.bin", sealed(b"\x00\xff"))
    files = locked()
    sink = file_import(workshop, files, mappings=[], fileName="b.bin", encrypt=True)
    sink.document["blobKeyPath"] = "blobKey"
    sink.save()
    execution = workshop.run(workshop.flow(file_export(workshop, files, output="blobKeys", decrypt="pgp"), sink))
    assert (execution.state, execution.error_count) == ("succeeded", 0), execution.reason
    assert opened((folder / "out" / "b.bin").read_bytes()) == b"\x00\xff"


@needs_gnupg
def test_gnupg_reads_what_is_written(workshop, system, folder, locked, tmp_path):
    system.serve_pages("/orders", orders(1))
    workshop.run(workshop.flow(None, file_import(workshop, locked(), type="csv", fileName="o.pgp", encrypt=True)))
    home = tmp_path / "gpg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--pinentry-mode", "loopback", "--passphrase", PASSPHRASE]
    subprocess.run([*gpg, "--import"], input=PRIVATE.encode(), check=True, capture_output=True)
    done = subprocess.run([*gpg, "--decrypt", str(folder / "out" / "o.pgp")], check=True, capture_output=True)
    assert done.stdout == b"external_id,name\n1,Order 1\n"
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)


def test_keys_are_secrets_that_are_tried_when_they_are_saved(api, locked):
    row = locked()
    shown = api.get(f"/connections/{row.hex_id}").json()["pgp"]
    assert shown == {"publicKey": PUBLIC, "privateKey": "******", "passphrase": "******"}
    assert PRIVATE not in str(row.document) and PASSPHRASE not in str(row.document)
    same = api.put(f"/connections/{row.hex_id}", {"name": "locked", "type": "filesystem", "pgp": shown})
    assert same.status_code == 200, same.content
    for change, field in (
        ({"publicKey": "no key"}, "pgp.publicKey"),
        ({"privateKey": PUBLIC}, "pgp.privateKey"),
        ({"passphrase": "wrong"}, "pgp.privateKey"),
        ({"publicKey": 5}, "pgp.publicKey"),
    ):
        answer = api.post("/connections", {"name": "x", "type": "filesystem", "pgp": {**KEYS, **change}})
        assert (answer.status_code, fields_of(answer)) == (422, [field]), answer.content


def test_without_a_key_no_file_is_written_in_the_open_or_read(workshop, system, folder, files):
    system.serve_pages("/orders", orders(1))
    sink = file_import(workshop, files, type="csv", fileName="o.csv", encrypt=True)
    execution = workshop.run(workshop.flow(None, sink))
    assert execution.state == "failed" and "no public key" in execution.reason
    assert list((folder / "out").iterdir()) == []
    laid(folder, "a.csv", sealed(CSV))
    execution = workshop.run(workshop.flow(file_export(workshop, files, type="csv", decrypt="pgp")))
    assert execution.state == "failed" and "no private key" in execution.reason


@pytest.mark.parametrize(
    ("file", "field"),
    [
        ({"encrypt": True, "pgp": {"symmetricKeyAlgorithm": "cast5"}}, "file.pgp.symmetricKeyAlgorithm"),
        ({"encrypt": True, "pgp": {"hashAlgorithm": "sha512"}}, "file.pgp.hashAlgorithm"),
        ({"encrypt": "zip"}, "file.encrypt"),
    ],
)
def test_what_cannot_be_encrypted_as_it_says_is_named(workshop, files, file, field):
    sink = file_import(workshop, files, type="csv", fileName="o.csv", **file)
    assert [named for named, _ in refused(workshop, workshop.flow(None, sink))] == [field]
    export = workshop.export(file={"type": "csv", "decrypt": "pgp"})
    assert [named for named, _ in refused(workshop, workshop.flow(export))] == ["file.decrypt"]
