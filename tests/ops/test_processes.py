"""web, worker and scheduler as processes of their own, on PostgreSQL and Redis, as README's commands start them."""

import json
import signal
import time

import pytest
from django.core.management import CommandError, call_command

from apps.ops.processes import shown_broker, shown_database
from tests import processes, servers
from tests.ops.test_servers import ask

METRICS = "metrics-token-of-the-test"


@pytest.mark.postgres
@pytest.mark.redis
def test_the_parts_of_an_installation_start_are_seen_and_stop(tmp_path, postgres_url):
    port = servers.free_port()
    variables = {
        "JUNCTION_DATA": str(tmp_path), "DATABASE_URL": postgres_url, "BROKER_URL": servers.REDIS_URL,
        "JUNCTION_LOG_JSON": "true",
        "JUNCTION_METRICS_TOKEN": METRICS, "JUNCTION_LOG_LEVEL": "INFO",
    }  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    code, said = processes.run("web", "--bind", f"127.0.0.1:{port}", **variables)
    assert code == 1 and "There is no installation in the database" in said
    code, said = processes.run("prepare", **variables)
    assert (code, said.splitlines()[-1]) == (0, "Ready to start.")
    with processes.running("web", "--bind", f"127.0.0.1:{port}", "--workers", "1", **variables) as web:
        web.wait_for("Booting worker")
        assert ask(address, "/readyz") == (200, json.dumps({"status": "ok"}))
        said = json.loads(web.wait_for('"started"'))
        assert (said["role"], said["workers"], said["address"]) == ("web", 1, address)
        with (
            processes.running("worker", "--lanes", "flows,interactive", "--concurrency", "1", **variables) as worker,
            processes.running("scheduler", **variables) as scheduler,
        ):
            wait_for_nodes(address, web=1, worker=1, scheduler=1)
            said = json.loads(worker.wait_for('"started"'))
            assert (said["role"], said["lanes"], said["concurrency"]) == ("worker", "flows,interactive", 1)
            assert said["database"].endswith(postgres_url.rpartition("/")[2]) and said["broker"].startswith("redis://")
            assert json.loads(scheduler.wait_for('"started"'))["role"] == "scheduler"
            assert scheduler.end(signal.SIGTERM, seconds=30) == 0, scheduler.output
            assert worker.end(signal.SIGTERM, seconds=30) == 0, worker.output
            wait_for_nodes(address, web=1, worker=0, scheduler=0)
        assert web.end(signal.SIGTERM, seconds=40) == 0, web.output


def wait_for_nodes(address: str, **roles: int) -> None:
    ends = time.monotonic() + processes.DEADLINE_SECONDS
    while True:
        _, body = ask(address, "/metrics", Authorization=f"Bearer {METRICS}")
        missing = [role for role, count in roles.items() if f'junction_nodes{{role="{role}"}} {count}.0' not in body]
        if not missing:
            return
        assert time.monotonic() < ends, f"{missing}\n{body}"
        time.sleep(0.2)


REFUSED = [
    ([], "memory://", "BROKER_URL: a worker of its own needs a broker"),
    (["--lanes", "flows,fast"], "redis://localhost", "--lanes: fast is no lane of interactive, flows, deliveries"),
    (["--lanes", ","], "redis://localhost", "--lanes: nothing is no lane of"),
    (["--concurrency", "0"], "redis://localhost", "--concurrency: must be at least 1"),
]


@pytest.mark.parametrize(("arguments", "broker", "sentence"), REFUSED, ids=[sentence for *_, sentence in REFUSED])
def test_a_worker_that_cannot_work_says_why(settings, arguments, broker, sentence):
    settings.BROKER_URL = broker
    with pytest.raises(CommandError) as refused:
        call_command("worker", *arguments)
    assert str(refused.value).startswith(sentence)


def test_what_is_said_at_the_start_opens_nothing():
    broker = "rediss://worker:hunter2@redis.internal:6380/1?ssl_cert_reqs=required&password=hunter2"
    assert shown_broker(broker) == "rediss://redis.internal:6380/1"
    database = {"USER": "u", "PASSWORD": "hunter2", "HOST": "db", "PORT": 5433, "NAME": "junction"}
    database["ENGINE"] = "django.db.backends.postgresql"
    assert shown_database(database) == "postgresql://db:5433/junction"
