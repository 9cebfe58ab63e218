"""Flows from and to other people's file servers: SFTP, FTP, S3, each a real one on loopback."""

from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from apps.connections import health
from apps.connections.access import open_row
from apps.connections.models import Connection
from apps.core.gateway import GatewayError, Mode
from apps.flows.models import Export, Import
from apps.flows.pipeline.sources import OfflineError
from apps.flows.pipeline.sources.files import FileSource
from tests import file_servers
from tests.file_servers import KEY_ID, PASSWORD, REGION, SECRET, USER
from tests.flows.pipeline.conftest import IDENTITY
from tests.flows.pipeline.test_runs import orders

CSV = b"id,name\n" + b"".join(b"%d,Order %d\n" % (i, i) for i in range(1, 24))


WORDS = {
    "ftp": {
        "folder": "directoryPath",
        "backup": "backupDirectoryPath",
        "ends": "fileNameEndsWith",
        "name": "fileName",
    },
    "s3": {"folder": "keyStartsWith", "backup": "keyPrefix", "ends": "keyEndsWith", "name": "fileKey"},
}


@dataclass
class Away:
    """A server and what a test needs to say the same to each kind."""

    kind: str
    document: dict[str, Any]
    put: Any
    names: Any  # all names on the server
    get: Any

    def places(self, **members):
        """The adaptor's member; `folder`, `backup`, `ends`, `name` in the kind's own words."""
        words = WORDS[self.kind]
        found = {words[name]: value for name, value in members.items()}
        if self.kind == "s3":
            found["bucket"] = "shop"
            if "backup" in members:
                found["backupBucket"] = "shop"
        return {self.kind: found}


def folder_kind(root, document):
    def names():
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())

    def put(name, content):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)

    return Away("ftp", {"ftp": document}, put, names, lambda name: (root / name).read_bytes())


@pytest.fixture(params=["sftp", "ftp", "s3"])
def away(request, tmp_path):
    if request.param == "s3":
        with file_servers.s3_server() as url:
            login = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": SECRET}
            client = boto3.client("s3", region_name=REGION, endpoint_url=url, **login)
            client.create_bucket(Bucket="shop", CreateBucketConfiguration={"LocationConstraint": REGION})
            s3 = {
                "accessKeyId": KEY_ID,
                "secretAccessKey": SECRET,
                "region": REGION,
                "endpoint": url,
                "pingBucket": "shop",
            }
            yield Away(
                "s3",
                {"s3": s3},
                lambda name, content: client.put_object(Bucket="shop", Key=name, Body=content),
                lambda: [one["Key"] for one in client.list_objects_v2(Bucket="shop").get("Contents", [])],
                lambda name: client.get_object(Bucket="shop", Key=name)["Body"].read(),
            )
            client.close()
        return
    root = tmp_path / "root"
    root.mkdir()
    with getattr(file_servers, f"{request.param}_server")(root) as server:
        login = {"hostURI": "127.0.0.1", "port": server.port, "username": USER, "password": PASSWORD}
        yield folder_kind(root, {"type": request.param, **login})


@pytest.fixture
def connection(workshop, away):
    return Connection.objects.create(
        organization=workshop.owner.organization, name="away", type=away.kind, document=away.document, concurrency=2
    )


def export(workshop, away, connection, *, places, **file):
    return Export.objects.create(
        organization=workshop.owner.organization, name="away", connection=connection,
        adaptor_type=f"{away.kind.upper()}Export",
        document={"pageSize": 10, "file": {"type": "csv", **file}, **away.places(**places)},
    )  # fmt: skip


def import_(workshop, away, connection, *, places, **file):
    return Import.objects.create(
        organization=workshop.owner.organization, name="away", connection=connection,
        adaptor_type=f"{away.kind.upper()}Import",
        document={"file": {"type": "csv", **file}, "mappings": IDENTITY, **away.places(**places)},
    )  # fmt: skip


def test_files_are_read_into_a_system_and_deleted_after(workshop, system, away, connection):
    away.put("in/a.csv", CSV)
    away.put("in/b.txt", b"not me")
    system.take("/sink")
    source = export(workshop, away, connection, places={"folder": "in", "ends": ".csv"})
    execution = workshop.run(workshop.flow(source, workshop.import_()))
    assert (execution.state, execution.success_count) == ("succeeded", 23), execution.reason
    assert sorted(call.json["external_id"] for call in system.made("POST /sink")) == list(range(1, 24))
    assert away.names() == ["in/b.txt"]


def test_what_was_read_can_move_to_a_backup_or_stay(workshop, system, away, connection):
    away.put("in/a.csv", CSV)
    system.take("/sink")
    staying = export(workshop, away, connection, places={"folder": "in"}, skipDelete=True)
    assert workshop.run(workshop.flow(staying, workshop.import_())).success_count == 23
    assert away.names() == ["in/a.csv"]
    moving = export(workshop, away, connection, places={"folder": "in", "backup": "done"})
    assert workshop.run(workshop.flow(moving, workshop.import_())).success_count == 23
    assert away.names() == ["done/a.csv"] and away.get("done/a.csv") == CSV


def test_pages_become_one_file_with_nothing_left_beside_it(workshop, system, away, connection):
    system.serve_pages("/orders", orders(25))
    name = {"name": "out/o.csv"} if away.kind == "s3" else {"name": "o.csv", "folder": "out"}
    execution = workshop.run(workshop.flow(None, import_(workshop, away, connection, places=name)))
    assert (execution.state, execution.success_count) == ("succeeded", 25), execution.reason
    assert away.names() == ["out/o.csv"]
    lines = away.get("out/o.csv").decode().splitlines()
    assert lines[0] == "external_id,name" and lines[1:] == [f"{i},Order {i}" for i in range(1, 26)]


def test_a_flow_may_read_and_write_through_one_connection_that_allows_one_session(workshop, away, connection):
    Connection.objects.filter(pk=connection.pk).update(concurrency=1)
    away.put("in/a.csv", CSV * 2)
    source = export(workshop, away, connection, places={"folder": "in"})
    places = {"name": "out/{UUID}.csv"} if away.kind == "s3" else {"name": "{UUID}.csv", "folder": "out"}
    sink = import_(workshop, away, connection, places=places, skipAggregation=True)
    execution = workshop.finish(workshop.start(workshop.flow(source, sink)))
    assert (execution.state, execution.success_count + execution.error_count) == ("succeeded", 47), execution.reason
    assert len(away.names()) == 5 and "in/a.csv" not in away.names()


def test_a_source_that_breaks_off_is_read_on_from_where_it_was(workshop, system, tmp_path):
    """The server goes away between two answers, and is back for the next: no row is lost, none comes twice."""
    rows = b"".join(b"%d,%s\n" % (i, b"x" * 2000) for i in range(1, 6001))
    (tmp_path / "a.csv").write_bytes(b"id,name\n" + rows)
    login = {"type": "sftp", "hostURI": "127.0.0.1", "username": USER, "password": PASSWORD}
    row = Connection(organization=workshop.owner.organization, name="s", type="ftp")
    with file_servers.sftp_server(tmp_path) as server:
        port = server.port
        row.document = {"ftp": {**login, "port": port}}
        row.save()
        document = {"adaptorType": "FTPExport", "ftp": {}, "file": {"type": "csv", "skipDelete": True}}
        source = FileSource(document, open_connection=lambda: opened(row), recorder=None, step="s", mode=Mode.LIVE)
        first = source.fetch(source.start())
    with pytest.raises((GatewayError, OfflineError)):
        source.fetch(first.cursor)
    with file_servers.sftp_server(tmp_path, port=port):
        Connection.objects.update(offline_since=None, host_key="")
        found, cursor = list(first.records), first.cursor
        while cursor is not None:
            answer = source.fetch(cursor)
            found, cursor = found + answer.records, answer.cursor
        source.close()
    assert [record["id"] for record in found] == [str(i) for i in range(1, 6001)]


def opened(row):
    row.refresh_from_db()
    return open_row(row)


def test_a_sheet_from_far_is_read_too(workshop, system, away, connection):
    from apps.engine.formats import xlsx_file

    away.put("in/a.xlsx", b"".join(xlsx_file({"id": i, "name": f"Order {i}"} for i in range(1, 13))))
    system.take("/sink")
    source = export(workshop, away, connection, places={"folder": "in"}, type="xlsx")
    assert workshop.run(workshop.flow(source, workshop.import_())).success_count == 12


def test_a_connection_is_tried_by_looking_into_it(away, connection):
    assert health.ping(open_row(connection)).ok
    wrong = {"ftp": {"password": "wrong"}, "s3": {"pingBucket": "nobody"}}[away.kind]
    connection.document[away.kind] |= wrong
    connection.revision += 1
    connection.save()
    assert not health.ping(open_row(connection)).ok


def test_nothing_is_sent_anywhere_by_a_plan(workshop, system, away, connection):
    system.serve_pages("/orders", orders(5))
    places = {"name": "out/o.csv"} if away.kind == "s3" else {"name": "o.csv", "folder": "out"}
    flow = workshop.flow(None, import_(workshop, away, connection, places=places))
    execution = workshop.run(flow, mode="plan")
    assert execution.state == "succeeded" and away.names() == []


@pytest.mark.parametrize("name", ["../../o.csv", "a/../../o.csv"])
def test_names_made_of_records_do_not_climb(workshop, system, away, connection, name):
    system.serve_pages("/orders", [{"id": 1, "name": name}])
    places = {"name": "{{{record.name}}}"} if away.kind == "s3" else {"name": "{{{record.name}}}", "folder": "out"}
    execution = workshop.run(workshop.flow(None, import_(workshop, away, connection, places=places)))
    assert execution.state == "failed" and away.names() == []


def test_a_server_is_known_again_by_the_key_it_showed_first(workshop, system, tmp_path):
    login = {"type": "sftp", "hostURI": "127.0.0.1", "username": USER, "password": PASSWORD}
    with file_servers.sftp_server(tmp_path) as server:
        document = {"ftp": {**login, "port": server.port}}
        row = Connection.objects.create(
            organization=workshop.owner.organization, name="s", type="ftp", document=document
        )
        assert health.ping(open_row(row)).ok
        port = server.port
    row.refresh_from_db()
    assert row.host_key.startswith(f"127.0.0.1:{port} ssh-ed25519 SHA256:")
    with file_servers.sftp_server(tmp_path, port=port):
        answer = health.ping(open_row(row))
        assert not answer.ok and "host key" in answer.message


def test_an_object_is_stored_with_the_encryption_that_its_import_asks_for(workshop, system):
    system.serve_pages("/orders", orders(1))
    with file_servers.s3_server() as url:
        login = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": SECRET}
        client = boto3.client("s3", region_name=REGION, endpoint_url=url, **login)
        client.create_bucket(Bucket="shop", CreateBucketConfiguration={"LocationConstraint": REGION})
        s3 = {"accessKeyId": KEY_ID, "secretAccessKey": SECRET, "region": "us-east-1", "endpoint": url}
        row = Connection.objects.create(
            organization=workshop.owner.organization, name="s", type="s3", document={"s3": s3}
        )
        place = {"bucket": "shop", "fileKey": "o.csv", "region": REGION, "serverSideEncryptionType": "AES256"}
        sink = Import.objects.create(
            organization=workshop.owner.organization, name="s", adaptor_type="S3Import", connection=row,
            document={"s3": place, "file": {"type": "csv"}, "mappings": IDENTITY},
        )  # fmt: skip
        execution = workshop.run(workshop.flow(None, sink))
        assert execution.state == "succeeded", execution.reason
        assert client.head_object(Bucket="shop", Key="o.csv")["ServerSideEncryption"] == "AES256"
        client.close()
