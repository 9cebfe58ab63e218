"""Commands that look at an installation say so when there is none, and make nothing."""

import pytest

from tests import processes, servers


@pytest.mark.parametrize("command", ["doctor", "alive", "createkey", "resetpassword", "web", "worker", "scheduler"])
def test_without_an_installation_a_command_says_so_and_leaves_nothing(tmp_path, command):
    data = tmp_path / "data"
    code, said = processes.run(command, JUNCTION_DATA=str(data), BROKER_URL="redis://127.0.0.1:1/0")
    assert code == 1
    assert said.startswith(f"CommandError: There is no installation in {data} (JUNCTION_DATA says where). ")
    assert not data.exists()


@pytest.mark.postgres
def test_an_empty_database_is_no_installation(tmp_path, postgres_url):
    code, said = processes.run("doctor", JUNCTION_DATA=str(tmp_path / "data"), DATABASE_URL=postgres_url)
    assert code == 1 and said.startswith("CommandError: There is no installation in the database junction_test_")


@pytest.mark.postgres
def test_a_process_without_the_installations_secrets_does_not_start(tmp_path, postgres_url):
    given = {"DATABASE_URL": postgres_url, "BROKER_URL": servers.REDIS_URL}
    assert processes.run("prepare", JUNCTION_DATA=str(tmp_path / "one"), **given)[0] == 0
    code, said = processes.run("worker", JUNCTION_DATA=str(tmp_path / "other"), **given)
    assert code == 1 and said.startswith(f"CommandError: The installation's secrets are not in {tmp_path / 'other'}.")
    assert processes.run("createkey", JUNCTION_DATA=str(tmp_path / "one"), **given)[0] == 0
