"""A plan is applied while everything is killed: what it has shown is sent, all of it, each write under its one key."""

import random
import sqlite3
import time
from contextlib import closing

from tests.chaos import rig

RECORDS = 300


def wait_until(found, execution, *, seconds=60.0):
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        status, shown = found.call("GET", f"/v1/executions/{execution}")
        assert status == 200, shown
        if shown["state"] in ("succeeded", "failed", "canceled"):
            return shown
        time.sleep(0.05)
    raise AssertionError(f"not ended after {seconds} s: {shown}")


def test_kills_in_the_middle_of_an_application_lose_and_repeat_nothing(tmp_path):
    chance = random.Random(7)
    with rig.installation(tmp_path / "data", records=RECORDS, slow=0.01) as found:

        def up():
            found.start("up", "up", "--no-demo", "--port", str(found.port)).wait_for("Junction is up")

        up()
        found.seed()
        address = f"/v1/flows/{found.seeded['flow']}/run"
        status, planned = found.call("POST", address, {"mode": "plan", "pages": 50})
        assert status == 201, planned
        shown = wait_until(found, planned["_executionId"])
        assert (shown["state"], shown["plan"]["requests"]) == ("succeeded", 2 * RECORDS), shown
        assert not found.peers.arrivals

        status, applied = found.call("POST", address, {"apply": planned["_executionId"]})
        assert status == 201, applied
        kills = 0
        while kills < 2 and found.open_runs():
            rig.pause(chance, longest=0.6)
            found.kill("up")
            kills += 1
            up()
        found.settle()
        ended = wait_until(found, applied["_executionId"])
        assert (ended["state"], ended["numSuccess"], ended["numError"]) == ("succeeded", 2 * RECORDS, 0), ended
        assert kills
        found.end()

        arrived = found.peers.arrivals[planned["_executionId"]]
        assert set(arrived) == set(range(1, RECORDS + 1))
        assert all(len(set(keys)) == 1 for keys in arrived.values())
        with closing(sqlite3.connect(found.table)) as shop:
            rows = sorted(shop.execute("SELECT id FROM orders").fetchall())
        assert rows == [(number,) for number in range(1, RECORDS + 1)]
