"""Approvals among processes that are killed: one answer counts, and whoever was told yes has been heard."""

import json
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException

import pytest

from tests import processes, servers
from tests.chaos import rig
from tests.chaos.approvals_seed import KEYS
from tests.chaos.test_distributed import installed, start, wait_until_up


def answer(port: int, person: str, approval: str, verb: str) -> tuple[int, dict]:
    """Raises OSError or HTTPException when nobody is there to answer."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=rig.ANSWER_SECONDS)) as client:
        headers = {"Authorization": f"Bearer {KEYS[person]}", "Content-Type": "application/json"}
        client.request("POST", f"/v1/approvals/{approval}/{verb}", json.dumps({"reason": f"{person} says so"}), headers)
        response = client.getresponse()
        return response.status, json.loads(response.read())


def seed(found: rig.Installation, *, runs: int) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "tests.chaos.approvals_seed", found.peers.url, str(runs)],
        env=processes.surroundings(found.variables), cwd=rig.ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr


def waiting(found: rig.Installation, count: int) -> list[str]:
    """The approvals, once all runs have asked, in the order of their runs."""
    ends = time.monotonic() + rig.SETTLING_SECONDS
    while time.monotonic() < ends:
        rows = found.call("GET", "/v1/approvals?state=waiting")[1]
        if len(rows) == count:
            return [row["_id"] for row in sorted(rows, key=lambda row: row["_executionId"])]
        time.sleep(0.1)
    raise AssertionError(f"{len(rows)} of {count} runs have asked: {[p.output[-2000:] for p in found.parts.values()]}")


def race(ports: tuple[int, int], approval: str) -> str:
    """Ann approves in one process and Bob rejects in the other, at once. Answers the verb that counted."""
    barrier = threading.Barrier(2)

    def go(port, person, verb):
        barrier.wait(10)
        return verb, *answer(port, person, approval, verb)

    with ThreadPoolExecutor(2) as pool:
        one, other = (
            pool.submit(go, port, person, verb)
            for port, person, verb in zip(ports, ("ann", "bob"), ("approve", "reject"), strict=True)
        )
        first, second = sorted((one.result(), other.result()), key=lambda told: told[1])
    assert (first[1], second[1]) == (200, 409), (first, second)
    who = {"approve": "approved by Ann", "reject": "rejected by Bob"}[first[0]]
    assert f"It was {who} at 20" in second[2]["errors"][0]["message"], second
    return first[0]


def answered_across_a_kill(found: rig.Installation, approval: str, *, part: str, chance: random.Random, up) -> str:
    """Bob's answer is on its way while a process dies. What was not heard is said again; what was, stays."""
    verb = chance.choice(("approve", "reject"))
    told: list[int] = []

    def go():
        with suppress(OSError, HTTPException):
            told.append(answer(found.port, "bob", approval, verb)[0])

    thread = threading.Thread(target=go)
    thread.start()
    rig.pause(chance, longest=0.08)
    found.kill(part)
    thread.join(30)
    up(part)
    state = found.call("GET", f"/v1/approvals/{approval}")[1]["state"]
    if state == "waiting":
        assert told != [200], "an answer that was taken is lost"
        assert answer(found.port, "bob", approval, verb)[0] == 200
    else:
        assert state == {"approve": "approved", "reject": "rejected"}[verb]
        assert answer(found.port, "ann", approval, verb)[0] == 409
    return verb


def check(found: rig.Installation, verbs: list[str]) -> None:
    """Each yes was acted on, under one key; no no was; each was noted once."""
    wanted = {n for n, verb in enumerate(verbs, 1) if verb == "approve"}
    arrived = found.peers.chain["first"]
    assert set(arrived) == wanted
    assert all(len(set(keys)) == 1 for keys in arrived.values()), arrived
    states = found.query("SELECT state, reason FROM executions_execution WHERE kind = 'automation' ORDER BY id")
    assert [state for state, _ in states] == [
        "succeeded" if n in wanted else "canceled" for n in range(1, len(verbs) + 1)
    ]
    noted = found.query(
        "SELECT count(*), count(DISTINCT resource_id) FROM audit_auditentry"
        " WHERE resource_type = 'approval' AND event IN ('approve', 'reject')"
    )
    assert noted == [(len(verbs), len(verbs))]
    manage(found, "doctor")


def manage(found: rig.Installation, command: str) -> None:
    with processes.running(command, **found.variables) as process:
        assert process.result(seconds=rig.SETTLING_SECONDS) == 0, process.output


@pytest.mark.postgres
@pytest.mark.redis
def test_two_answers_at_once_in_two_processes_and_answers_across_kills(tmp_path, postgres_url):
    race_and_kill(tmp_path, postgres_url, races=12, restarts=3)


@pytest.mark.long
@pytest.mark.postgres
@pytest.mark.redis
def test_many_answers_at_once_and_across_kills(tmp_path, postgres_url):
    race_and_kill(tmp_path, postgres_url, races=40, restarts=20)


def race_and_kill(tmp_path, postgres_url: str, *, races: int, restarts: int) -> None:
    chance, runs = random.Random(12), races + restarts
    with rig.redis_server() as broker, installed(tmp_path / "data", postgres_url, broker=broker, records=1) as found:
        manage(found, "prepare")
        seed(found, runs=runs)

        def up(part):
            start(found, part)
            wait_until_up(found, part)

        for part in ("web", "first worker", "scheduler"):
            start(found, part)
        other = servers.free_port()
        found.start("other web", "web", "--bind", f"127.0.0.1:{other}", "--workers", "1", "--threads", "4")
        wait_until_up(found, "web", "first worker", "scheduler")
        wait_until_answers(other)
        approvals = waiting(found, runs)
        verbs = [race((found.port, other), approval) for approval in approvals[:races]]
        for approval in approvals[races:]:
            part = chance.choice(("web", "web", "first worker"))
            verbs.append(answered_across_a_kill(found, approval, part=part, chance=chance, up=up))
        found.settle()
        found.end()
        check(found, verbs)


def wait_until_answers(port: int) -> None:
    ends = time.monotonic() + 180
    while time.monotonic() < ends:
        try:
            with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as client:
                client.request("GET", "/readyz")
                if client.getresponse().status == 200:
                    return
        except (OSError, HTTPException):
            pass
        time.sleep(0.05)
    raise AssertionError("the other web process did not start")


def test_an_embedded_installation_that_is_killed_keeps_its_questions_and_their_answers(tmp_path):
    chance, runs = random.Random(3), 2
    with rig.installation(tmp_path / "data", records=1) as found:

        def up(part):
            found.start(part, "up", "--no-demo", "--port", str(found.port)).wait_for("Junction is up")

        up("up")
        seed(found, runs=runs)
        approvals = waiting(found, runs)
        verbs = [answered_across_a_kill(found, approval, part="up", chance=chance, up=up) for approval in approvals]
        found.settle()
        found.end()
        check(found, verbs)
