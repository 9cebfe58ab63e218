"""Databases that never answer, answer without end, or ask for more than they are told."""

import socket
import struct
import threading
import time
from contextlib import closing, contextmanager

import pytest

from apps.core import gateway
from apps.core.gateway.sql import SqlTarget, session
from apps.core.gateway.sql.sqlite import SqliteDriver
from apps.core.gateway.sql.target import refuse_forbidden
from apps.core.gateway.watch import Watch

CONTEXT = gateway.SendContext(organization="acme")
ENDLESS = "WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM a) SELECT n FROM a"


@contextmanager
def serving(conversation):
    """The port of a server that has this conversation with whoever comes first."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve():
            with closing(server.accept()[0]) as client:
                try:
                    conversation(client)
                except OSError:
                    return  # hung up on, as it should be

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(20)
        assert not thread.is_alive()


def silent_postgres(client):
    client.recv(65536)
    version = b"server_version\0" + b"15.0\0"
    client.sendall(b"R" + struct.pack("!II", 8, 0))
    client.sendall(b"S" + struct.pack("!I", 4 + len(version)) + version)
    client.sendall(b"Z" + struct.pack("!I", 5) + b"I")
    while client.recv(65536):
        pass


def greeting(client):
    hello = b"\x0a5.7.0\0" + b"\1\0\0\0" + b"a" * 8 + b"\0" + b"\xff\xf7" + b"\x21" + b"\2\0" + b"\xff\x81\x15"
    hello += b"\0" * 10 + b"b" * 12 + b"\0" + b"mysql_native_password\0"
    client.sendall(struct.pack("<I", len(hello))[:3] + b"\0" + hello)
    client.recv(65536)
    client.sendall(b"\7\0\0\2\0\0\0\2\0\0\0")


def mysql_that_says(answer, then=b""):
    """Agrees to everything until it is asked a SELECT."""

    def talk(client):
        greeting(client)
        while asked := client.recv(65536):
            if b"SELECT" in asked:
                client.sendall(answer)
                for byte in then:
                    client.sendall(bytes([byte]))
                    time.sleep(0.2)
                while client.recv(65536):
                    pass
                return
            client.sendall(b"\7\0\0\1\0\0\0\2\0\0\0")

    return talk


def ask(engine, port):
    target = SqlTarget(
        engine=engine,
        database="x",
        host="127.0.0.1",
        port=port,
        user="u",
        ssl="disable",
        statement_timeout=1,
    )
    with session(target, CONTEXT) as opened:
        return list(opened.query("SELECT 1"))


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    for driver in ("postgresql", "mysql"):
        monkeypatch.setattr(f"apps.core.gateway.sql.{driver}.GRACE_SECONDS", 0.5)


def test_a_postgresql_server_that_never_answers_is_hung_up_on():
    with serving(silent_postgres) as port, pytest.raises(gateway.TimedOut):
        ask("postgresql", port)


def test_a_mysql_server_that_answers_a_byte_at_a_time_is_hung_up_on():
    drip = b"\xff\xff\0\1" + b"\1" * 200
    with serving(mysql_that_says(b"", drip)) as port, pytest.raises(gateway.TimedOut):
        ask("mysql", port)


def test_a_mysql_server_that_asks_for_a_file_gets_none():
    wanted = b"\xfb/etc/passwd"
    with (
        serving(mysql_that_says(struct.pack("<I", len(wanted))[:3] + b"\1" + wanted)) as port,
        pytest.raises(gateway.BadResponse, match="not MySQL"),
    ):
        ask("mysql", port)


def test_what_is_no_mysql_server_is_named_so():
    with serving(lambda client: client.sendall(b"\1\0\0\0\x0a")) as port, pytest.raises(gateway.ConnectFailed):
        ask("mysql", port)


def test_a_result_without_end_ends_with_the_time_of_its_statement():
    target = SqlTarget(engine="sqlite", database="a.sqlite3", statement_timeout=0.3)
    with session(target, CONTEXT) as opened, pytest.raises(gateway.TimedOut):
        sum(1 for _ in opened.query(ENDLESS))


def test_a_file_grows_no_further_than_its_bound(monkeypatch):
    monkeypatch.setattr("apps.core.gateway.sql.sqlite._MOST_PAGES", 50)
    with session(SqlTarget(engine="sqlite", database="small.sqlite3"), CONTEXT) as opened:
        assert isinstance(opened.driver, SqliteDriver)
        with pytest.raises(gateway.StatementFailed, match="full"):
            opened.execute(f"CREATE TABLE t AS {ENDLESS}")


@pytest.mark.parametrize("mark", ["/*!", "/*!50000", "/*M!100100"])
def test_a_comment_that_is_executed_is_read(mark):
    with pytest.raises(gateway.InvalidRequest, match="into outfile"):
        refuse_forbidden(f"SELECT 1 {mark} into outfile '/tmp/x' */", in_transaction=False)
    refuse_forbidden("SELECT 1 /* into outfile */", in_transaction=False)


def test_a_watch_ends_what_is_late_once_and_nothing_that_is_over():
    watch, ended, late = Watch(), [], threading.Event()
    with watch.limit(60, lambda: ended.append("in time")), watch.limit(0.05, late.set):
        assert late.wait(20)
    with watch.limit(0.01, lambda: ended.append("over")):
        pass
    with watch.limit(0.02, (third := threading.Event()).set):
        assert third.wait(20)
    assert ended == []
