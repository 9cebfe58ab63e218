"""`manage.py up`, killed with everything it has in memory at random moments: nothing is lost, nothing written twice."""

import random
import time

import pytest

from tests.chaos import rig


def kill_again_and_again(data, *, kills: int, records: int, seed: int, longest: float, slow: float = 0.0):
    chance, began = random.Random(seed), time.monotonic()
    with rig.installation(data, records=records, slow=slow) as found:

        def up():
            found.start("up", "up", "--no-demo", "--port", str(found.port)).wait_for("Junction is up")

        up()
        found.seed()
        for kill in range(kills):
            if kill:
                up()
            if not found.open_runs() or chance.random() < 0.2:
                found.run_flow()
            for _ in range(chance.randint(1, 4)):
                found.run_action()
            rig.pause(chance, longest=longest)
            found.kill("up")
        up()
        found.settle()
        found.end()
        return rig.check(found, kills=kills, seconds=time.monotonic() - began)


def test_eight_kills_lose_nothing(tmp_path):
    verdict = kill_again_and_again(tmp_path / "data", kills=8, records=400, seed=8, longest=1.2)
    assert verdict.runs > 0 and verdict.actions > 0


@pytest.mark.long
def test_hundreds_of_kills_lose_nothing(tmp_path, capsys):
    verdict = kill_again_and_again(tmp_path / "data", kills=rig.KILLS, records=1500, seed=200, longest=2.0, slow=0.002)
    with capsys.disabled():
        print(f"\n{verdict}")
