"""An installation that is killed again and again, and what must be true of it afterwards."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psycopg
import redis

from tests import processes, servers
from tests.chaos.peers import Peers

ROOT = Path(__file__).resolve().parent.parent.parent
KEY = "a-key-of-our-own-0123456789"
ENVIRONMENT = {
    "JUNCTION_API_KEY": KEY,
    "JUNCTION_ADMIN_PASSWORD": "correct horse battery",
    "JUNCTION_ALLOW_NETWORKS": "127.0.0.0/8",
    "JUNCTION_LOG_LEVEL": "WARNING",
}
KILLS = int(os.environ.get("JUNCTION_TEST_KILLS", "200"))  # of the long runs
PAGES_IN_FLIGHT, PAGE_SIZE = 10, 10
SETTLING_SECONDS = 150.0
ANSWER_SECONDS = 10.0


@dataclass
class Installation:
    """`environment` is what its processes are started with; `parts` those that run, by name."""

    data: Path
    peers: Peers
    port: int = field(default_factory=servers.free_port)
    database: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    parts: dict[str, processes.Process] = field(default_factory=dict)
    seeded: dict[str, str] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    actions: dict[int, str] = field(default_factory=dict)
    tried: int = 0

    def start(self, name: str, *arguments: str) -> processes.Process:
        self.parts[name] = processes.Process(list(arguments), self.variables)
        return self.parts[name]

    @property
    def variables(self) -> dict[str, str]:
        return {**ENVIRONMENT, "JUNCTION_DATA": str(self.data), **self.environment}

    def kill(self, name: str) -> None:
        self.parts.pop(name).kill()

    def end(self) -> None:
        for name in list(self.parts):
            self.kill(name)

    def seed(self) -> None:
        said = subprocess.run(
            [sys.executable, "-m", "tests.chaos.seed", self.peers.url],
            env=processes.surroundings(self.variables), cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert said.returncode == 0, said.stderr
        self.seeded = json.loads(said.stdout)
        folder = self.data / "files" / self.seeded["organization"]
        folder.mkdir(parents=True, exist_ok=True)
        self.table = folder / "shop.sqlite3"
        with closing(sqlite3.connect(self.table)) as shop:
            shop.execute("CREATE TABLE orders (run TEXT, id INTEGER, name TEXT)")
            shop.commit()

    # What a client does.

    def call(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, object]:
        """Raises OSError or HTTPException when nobody is there to answer."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)) as client:
            sent = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", **headers}
            client.request(method, path, json.dumps(body) if body is not None else None, sent)
            answer = client.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None

    def run_flow(self) -> bool:
        """True when the installation has said yes: from then on the run is its promise."""
        try:
            status, body = self.call("POST", f"/v1/flows/{self.seeded['flow']}/run", {})
        except (OSError, HTTPException):
            return False
        assert status == 201, body
        self.runs.append(body["_jobId"])
        return True

    def run_action(self) -> bool:
        self.tried += 1
        wanted = {"@type": "action", "connector": "chain", "connectorVersion": "1.0.0", "action": "three"}
        try:
            status, body = self.call(
                "POST", "/v1/execute", {**wanted, "input": {"n": self.tried}}, Prefer="respond-async"
            )
        except (OSError, HTTPException):
            return False
        assert status == 202, body
        self.actions[self.tried] = body["id"].replace("-", "")
        return True

    # What its database says.

    def query(self, statement: str) -> list[tuple]:
        if self.database:
            with psycopg.connect(self.database) as client:
                return client.execute(statement).fetchall()
        with closing(sqlite3.connect(f"file:{self.data / 'junction.sqlite3'}?mode=ro", uri=True, timeout=20)) as db:
            return db.execute(statement).fetchall()

    def open_runs(self) -> int:
        return self.query("SELECT count(*) FROM executions_execution WHERE ended_at IS NULL")[0][0]

    def settle(self, *, seconds: float = SETTLING_SECONDS) -> None:
        """Waits until nothing is left to do."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            if not self.open_runs() and not self.query("SELECT 1 FROM work_workitem LIMIT 1"):
                return
            time.sleep(0.1)
        left = self.query("SELECT kind, lane, reason, attempts, parked_on, due_at, lease_until FROM work_workitem")
        runs = self.query("SELECT kind, state, reason FROM executions_execution WHERE ended_at IS NULL")
        said = "\n".join(f"--- {name}\n{part.output[-3000:]}" for name, part in self.parts.items())
        raise AssertionError(f"not at rest after {seconds} s: {left}\n{runs}\n{said}")


@contextmanager
def installation(data: Path, *, records: int, slow: float = 0.0, **options):
    peers = Peers(records=records, slow=slow)
    found = Installation(data, peers, **options)
    try:
        yield found
    finally:
        found.end()
        peers.stop()


@dataclass(frozen=True)
class Verdict:
    """What came of it, in figures."""

    kills: int
    runs: int
    records: int
    repeats: int
    actions: int
    in_doubt: int
    seconds: float


def check(found: Installation, *, kills: int, seconds: float) -> Verdict:
    """Everything accepted was done, nothing twice that must not be, and nothing is stuck."""
    states = {
        str(row[0]).replace("-", ""): (row[1], row[2])
        for row in found.query("SELECT id, state, reason FROM executions_execution")
    }
    repeats = check_flow(found, kills=kills)
    in_doubt = check_actions(found, states)
    code, said = processes.run("doctor", **found.variables)
    assert code == 0, said
    known = len(found.runs) * found.peers.records
    return Verdict(kills, len(found.runs), known, repeats, len(found.actions), in_doubt, round(seconds, 1))


def check_flow(found: Installation, *, kills: int) -> int:
    wanted = set(range(1, found.peers.records + 1))
    failed = found.query(
        "SELECT id, state, reason FROM executions_execution WHERE kind = 'flow' AND state <> 'succeeded'"
    )
    assert not failed, failed
    repeats = 0
    for run in found.runs:
        arrived = found.peers.arrivals[run]
        assert set(arrived) == wanted, f"run {run}: {len(wanted - set(arrived))} of {len(wanted)} records were lost"
        for record, keys in arrived.items():
            assert len(set(keys)) == 1, f"record {record} of run {run} came with several keys"
            repeats += len(keys) - 1
    assert repeats <= kills * PAGES_IN_FLIGHT * PAGE_SIZE
    with closing(sqlite3.connect(found.table)) as shop:
        rows = Counter(shop.execute("SELECT run, id FROM orders").fetchall())
    twice = [row for row, times in rows.items() if times > 1]
    assert not twice, f"written twice: {twice[:10]}"
    missing = [(run, record) for run in found.runs for record in wanted if (run, record) not in rows]
    assert not missing, f"not in the table: {missing[:10]}"
    counts = found.query("SELECT DISTINCT success_count, error_count FROM executions_execution WHERE kind = 'flow'")
    assert counts in ([], [(2 * found.peers.records, 0)]), counts
    return repeats


def check_actions(found: Installation, states: dict[str, tuple[str, str]]) -> int:
    """A write of which nobody can tell is never sent again: it is in doubt, and its execution says so."""
    doubts = {
        str(row[0]).replace("-", "")
        for row in found.query("SELECT execution_id FROM executions_step WHERE state = 'in_doubt'")
    }
    first, second, third = (found.peers.chain[name] for name in ("first", "second", "third"))
    for number, execution in found.actions.items():
        state, reason = states[execution]
        assert len(second[number]) <= 1, f"action {number}: sent {len(second[number])} times"
        assert len(set(first[number])) <= 1 and len(set(third[number])) <= 1
        if execution in doubts:
            assert state == "failed" and "in doubt" in reason, (state, reason)
            assert not third[number]
        else:
            assert state == "succeeded", (state, reason)
            assert first[number] and second[number] and third[number]
    return len(doubts)


def pause(chance: random.Random, *, longest: float) -> None:
    """The random moment before a kill: what happens meanwhile is what is tested."""
    time.sleep(chance.uniform(0.02, longest))


class Broker:
    """A Redis of the test's own, that may be frozen, emptied and taken away. `address` is a BROKER_URL."""

    def __init__(self) -> None:
        self.port = servers.free_port()
        self.address = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        ends = time.monotonic() + ANSWER_SECONDS
        while not self.answers():
            assert time.monotonic() < ends, "redis-server did not start"
            time.sleep(0.02)

    def answers(self) -> bool:
        try:
            return bool(self.command("ping"))
        except redis.RedisError:
            return False

    def command(self, *words: str) -> object:
        with closing(redis.Redis(port=self.port, socket_timeout=5)) as client:
            return client.execute_command(*words)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(ANSWER_SECONDS)


@contextmanager
def redis_server():
    """The address of a broker that nobody disturbs."""
    broker = Broker()
    try:
        yield broker.address
    finally:
        broker.stop()
