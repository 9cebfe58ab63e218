"""Web, two workers and a scheduler, each its own process, on PostgreSQL and Redis: any is killed, any time."""

import random
import time

import pytest

from tests import processes
from tests.chaos import rig

pytestmark = [pytest.mark.postgres, pytest.mark.redis]
PARTS = ("web", "first worker", "second worker", "scheduler")
LEASE_SECONDS = "6"  # a killed worker's work is taken over after so long
READY_SECONDS = 180.0


def start(found: rig.Installation, part: str) -> None:
    if part == "web":
        found.start(part, "web", "--bind", f"127.0.0.1:{found.port}", "--workers", "1", "--threads", "4")
    elif part == "scheduler":
        found.start(part, "scheduler")
    else:
        found.start(part, "worker", "--concurrency", "1")


def is_up(found: rig.Installation, part: str) -> bool:
    """Web answers; the others have signed on under their process id."""
    if part == "web":
        try:
            return found.call("GET", "/readyz")[0] == 200
        except (OSError, rig.HTTPException):
            return False
    return bool(found.query(f"SELECT 1 FROM work_node WHERE name LIKE '%:{found.parts[part].popen.pid}'"))


def wait_until_up(found: rig.Installation, *parts: str) -> None:
    ends = time.monotonic() + READY_SECONDS
    for part in parts:
        while not is_up(found, part):
            alive = found.parts[part].popen.poll() is None and time.monotonic() < ends
            assert alive, f"{part} did not start: {found.parts[part].output}"
            time.sleep(0.05)


def installed(data, url: str, *, broker: str, records: int, slow: float = 0.0):
    environment = {"DATABASE_URL": url, "BROKER_URL": broker, "JUNCTION_LEASE_SECONDS": LEASE_SECONDS}
    return rig.installation(data, records=records, slow=slow, database=url, environment=environment)


def prepare(found: rig.Installation) -> None:
    code, said = processes.run("prepare", **found.variables)
    assert code == 0, said
    found.seed()


def kill_one_again_and_again(data, url: str, *, kills: int, records: int, seed: int, longest: float, slow: float = 0):
    chance, began = random.Random(seed), time.monotonic()
    with rig.redis_server() as broker, installed(data, url, broker=broker, records=records, slow=slow) as found:
        prepare(found)
        for part in PARTS:
            start(found, part)
        wait_until_up(found, *PARTS)
        for _ in range(kills):
            if not found.open_runs() or chance.random() < 0.2:
                found.run_flow()
            for _ in range(chance.randint(0, 3)):
                found.run_action()
            rig.pause(chance, longest=longest)
            part = chance.choice(PARTS)
            found.kill(part)
            rig.pause(chance, longest=longest / 2)
            start(found, part)
            wait_until_up(found, part)
        found.settle()
        found.end()
        return rig.check(found, kills=kills, seconds=time.monotonic() - began)


def test_three_kills_lose_nothing(tmp_path, postgres_url):
    verdict = kill_one_again_and_again(tmp_path / "data", postgres_url, kills=3, records=400, seed=3, longest=2.0)
    assert verdict.runs > 0


@pytest.mark.long
def test_hundreds_of_kills_lose_nothing(tmp_path, postgres_url, capsys):
    verdict = kill_one_again_and_again(
        tmp_path / "data", postgres_url, kills=rig.KILLS, records=3000, seed=201, longest=3.0, slow=0.002
    )
    with capsys.disabled():
        print(f"\n{verdict}")
