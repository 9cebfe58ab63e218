"""Every variable of the environment: a bad value ends the process with a sentence that names it."""

import base64
import os
import subprocess
import sys

import pytest

from apps.core import environment
from tests import processes

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()

BAD = [
    ("DATABASE_URL", "mysql://root@localhost/junction", "postgresql://"),
    ("DATABASE_URL", "junction", "postgresql://"),
    ("DATABASE_URL", "postgresql://localhost", "name"),
    ("DATABASE_URL", "postgresql://user:se:cr/et@localhost/junction", "%XX"),
    ("BROKER_URL", "kafka://localhost", "redis://host"),
    ("BROKER_URL", "redis", "redis://host"),
    ("EMAIL_URL", "pigeon://localhost", "smtp://"),
    ("EMAIL_URL", "smtp://", "smtp://"),
    ("JUNCTION_PUBLIC_URL", "junction.example", "http://host"),
    ("JUNCTION_PUBLIC_URL", "https://junction.example/below", "http://host"),
    ("JUNCTION_PUBLIC_URL", "https://junction.example:port", "URL"),
    ("JUNCTION_EMBED_ORIGINS", "https://app.example/path", "origins"),
    ("JUNCTION_EMBED_ORIGINS", "https://a.example; script-src *", "origins"),
    ("JUNCTION_ALLOW_NETWORKS", "10.0.0.0/8, crm", "'crm'"),
    ("JUNCTION_KEYS", "k1:short", "vault key 1"),
    ("JUNCTION_KEYS", f"k1:{KEY},k2:!{KEY}", "vault key 2"),
    ("JUNCTION_SECRET_KEY", "short", "32"),
    ("JUNCTION_LOG_LEVEL", "CHATTY", "WARNING"),
    ("JUNCTION_LOG_JSON", "perhaps", "true or false"),
    ("JUNCTION_LEASE_SECONDS", "0", "at least 1"),
    ("JUNCTION_PAGES_IN_FLIGHT", "ten", "at least 1"),
    ("JUNCTION_SOURCE_RETRY_SECONDS", "5,soon", "seconds"),
]


def read_settings(**variables: str) -> tuple[int, str]:
    """What every process does first, without the rest of its start."""
    done = subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        cwd=processes.MANAGE.parent, env={**os.environ, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, (done.stdout + done.stderr).strip()


def test_a_command_ends_with_the_sentence_too():
    assert processes.run("up", BROKER_URL="redis") == (
        1, "BROKER_URL: must read redis://host, rediss://host, amqp://host or amqps://host, or be left out",
    )  # fmt: skip


@pytest.mark.parametrize(("variable", "value", "hint"), BAD, ids=[f"{name}={value}" for name, value, _ in BAD])
def test_a_bad_value_ends_with_a_sentence_that_names_the_variable(variable, value, hint):
    code, output = read_settings(**{variable: value})
    assert code == 1
    assert output.startswith(f"{variable}: ")
    assert hint in output
    assert "\n" not in output
    assert "se:cr" not in output


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    code, output = read_settings(JUNCTION_DATA=str(tmp_path / "file" / "data"))
    assert (code, output.split(":")[0]) == (1, "JUNCTION_DATA")


def test_damaged_secrets_are_told_and_left_as_they_are(tmp_path):
    (tmp_path / "secrets.json").write_text('{"django": "x"')
    code, output = read_settings(JUNCTION_DATA=str(tmp_path))
    assert code == 1
    assert output.startswith("JUNCTION_DATA: ")
    assert "damaged" in output
    assert (tmp_path / "secrets.json").read_text() == '{"django": "x"'


def test_secrets_are_made_once_and_are_the_operators_alone(tmp_path):
    data = tmp_path / "data"
    assert read_settings(JUNCTION_DATA=str(data))[0] == 0
    first = (data / "secrets.json").read_text()
    assert (data / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert read_settings(JUNCTION_DATA=str(data))[0] == 0
    assert (data / "secrets.json").read_text() == first


def test_given_secrets_leave_no_file(tmp_path):
    code, output = read_settings(JUNCTION_DATA=str(tmp_path), JUNCTION_SECRET_KEY="s" * 32, JUNCTION_KEYS=f"k1:{KEY}")
    assert code == 0, output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("ON", True), ("0", False), ("", True)])
def test_flags_are_read_in_the_usual_spellings(monkeypatch, value, expected):
    monkeypatch.setenv("JUNCTION_X", value)
    assert environment.flag("JUNCTION_X", default=True) is expected


def test_a_postgresql_url_gives_host_port_name_and_password(monkeypatch):
    monkeypatch.setenv("JUNCTION_X", "postgresql://me:p%40ss@db.example:6543/junction")
    found = environment.database_url("JUNCTION_X")
    assert found is not None
    assert (found["HOST"], found["PORT"], found["NAME"], found["USER"], found["PASSWORD"]) == (
        "db.example", 6543, "junction", "me", "p@ss",
    )  # fmt: skip
    assert found["ENGINE"] == "django.db.backends.postgresql"
