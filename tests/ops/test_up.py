"""`manage.py up`: one command, one process, started as an operator starts it."""

import json
import signal
import sqlite3
from contextlib import closing

import pytest
from django.core.management import CommandError, call_command

from apps.ops import directory
from apps.ops.management.commands.up import listen
from tests import processes, servers
from tests.ops.test_servers import ask

GIVEN = {
    "JUNCTION_API_KEY": "a-key-of-our-own-0123456789",
    "JUNCTION_ADMIN_EMAIL": "ada@acme.example",
    "JUNCTION_ADMIN_PASSWORD": "correct horse battery",
    "JUNCTION_LOG_LEVEL": "INFO",
}


def up(data, port: int, **variables: str):
    return processes.running("up", "--no-demo", "--port", str(port), JUNCTION_DATA=str(data), **variables)


def test_first_start_second_start_and_two_at_once(tmp_path):
    data, port = tmp_path / "data", servers.free_port()
    address = f"http://127.0.0.1:{port}"
    with up(data, port) as first:
        assert first.wait_for("Console").split() == ["Console", f"{address}/console/"]
        key = first.wait_for("API key").split()[-1]
        assert first.wait_for("Login").split()[-1] == "admin@junction.example"
        assert len(first.wait_for("Password").split()[-1]) >= 16
        assert ask(address, "/readyz")[0] == 200
        body = ask(address, "/metrics", **{"api_key": key})[1]
        assert all(f'junction_nodes{{role="{role}"}} 1.0' in body for role in ("web", "worker", "scheduler"))

        code, said = processes.run("up", "--port", str(servers.free_port()), JUNCTION_DATA=str(data))
        assert code == 1
        assert said == (
            f"CommandError: JUNCTION_DATA: {data} is in use by process {first.popen.pid}, which serves {address}."
        )
        code, said = processes.run("up", "--port", str(port), JUNCTION_DATA=str(tmp_path / "other"))
        assert (code, said) == (
            1, f"CommandError: Cannot listen on 127.0.0.1:{port}: the port is taken; choose another with --port.",
        )  # fmt: skip
        assert first.end(signal.SIGINT, seconds=20) == 0, first.output
    with up(data, port) as second:
        second.wait_for("Console")
        assert "API key" not in second.output
        assert "Password" not in second.output
        assert ask(address, "/metrics", **{"api_key": key})[0] == 200
        assert second.end(signal.SIGTERM, seconds=20) == 0, second.output
    assert not (data / "backups").exists()


def test_a_killed_process_with_a_given_login_leaves_nothing_in_the_way_of_the_next(tmp_path):
    data, port = tmp_path / "data", servers.free_port()
    with up(data, port, **GIVEN) as first:
        first.wait_for("Console")
        assert first.wait_for("Login").split()[-1] == "ada@acme.example"
        assert GIVEN["JUNCTION_API_KEY"] not in first.output
        assert GIVEN["JUNCTION_ADMIN_PASSWORD"] not in first.output
        address = f"http://127.0.0.1:{port}"
        assert ask(address, "/metrics", **{"api_key": GIVEN["JUNCTION_API_KEY"]})[0] == 200
        assert ask(address, "/console/login/")[0] == 200
    with closing(sqlite3.connect(data / "junction.sqlite3", isolation_level=None)) as database:
        organization = database.execute("SELECT id FROM accounts_organization LIMIT 1").fetchone()[0]
        future = "2999-01-01 00:00:00.000"
        database.execute(
            "INSERT INTO work_workitem (id, created_at, updated_at, organization_id, lane, kind, target_id, due_at,"
            " lease_until, holder, fence, attempts, parked_on, serial_key, reason)"
            " VALUES ('a', ?, ?, ?, 'nobody drains this', 'x', 'b', ?, ?, 'dead:1', 1, 0, '', '', '')",
            [future, future, organization, future, future],
        )
    with up(data, port, JUNCTION_LOG_LEVEL="INFO") as second:
        assert json.loads(second.wait_for("took over"))["items"] == 1
        second.wait_for("Console")
        assert second.end(seconds=20) == 0
    with closing(sqlite3.connect(data / "junction.sqlite3")) as database:
        assert database.execute("SELECT due_at < '2999-01-01' FROM work_workitem WHERE id = 'a'").fetchone() == (1,)


BAD = [
    ("JUNCTION_API_KEY", "short", "24"),
    ("JUNCTION_API_KEY", "default", "24"),
    ("JUNCTION_API_KEY", "with spaces and so on, and long", "without spaces"),
    ("JUNCTION_ADMIN_EMAIL", "ada", "'ada' is no e-mail address"),
    ("JUNCTION_ADMIN_PASSWORD", "short", "at least 10"),
    ("JUNCTION_ADMIN_PASSWORD", "password1234", "too common"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("variable", "value", "hint"), BAD, ids=[f"{name}={value}" for name, value, _ in BAD])
def test_a_bad_login_or_key_is_named(monkeypatch, variable, value, hint):
    from apps.accounts.models import User
    from apps.ops.operators import first_start

    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as refused:
        first_start()
    assert str(refused.value).startswith(f"{variable}: ")
    assert hint in str(refused.value)
    assert not User.objects.exists()


def test_files_that_others_could_read_are_closed_to_them(tmp_path):
    (tmp_path / "files" / "tenant").mkdir(parents=True)
    for name in ("secrets.json", "junction.sqlite3", "junction.sqlite3-wal", "notes.txt"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o644)
    (tmp_path / "files").chmod(0o755)
    assert directory.close_to_others(tmp_path) == ["files", "junction.sqlite3", "junction.sqlite3-wal", "secrets.json"]
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "files": 0o700, "junction.sqlite3": 0o600, "junction.sqlite3-wal": 0o600, "secrets.json": 0o600,
        "notes.txt": 0o644,
    }  # fmt: skip
    assert directory.close_to_others(tmp_path) == []


def test_a_directory_that_cannot_be_written_ends_with_a_sentence(tmp_path, settings):
    settings.DATA_DIR = tmp_path / "file" / "data"
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="JUNCTION_DATA: the directory cannot be used"):
        call_command("up", "--port", str(servers.free_port()))


def test_an_unreachable_database_ends_with_a_sentence(tmp_path):
    variables = {"JUNCTION_DATA": str(tmp_path), "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}
    code, said = processes.run("up", "--port", str(servers.free_port()), **variables)
    assert code == 1
    assert said.startswith("CommandError: DATABASE_URL: the database cannot be used (")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(("host", "port"), [("256.0.0.1", 8000), ("127.0.0.1", 99999), ("no.such.host.invalid", 8000)])
def test_an_address_that_cannot_be_had_is_told(host, port):
    with pytest.raises(CommandError, match=f"Cannot listen on {host}:{port}: .+"):
        listen(host=host, port=port)
