"""No script takes the process down, keeps it, fills it, or hurts the script after it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.sandbox.attacks import ATTACKS

ROOT = Path(__file__).parents[3]
TIME = {"ScriptTimeoutError"}
# Which of the two limits is met first depends on the machine's speed.
SPACE = {"ScriptMemoryError", "ScriptTimeoutError"}
DEPTH = {"ScriptError"}

ENDS_IN: dict[str, set[str]] = {
    **{name: TIME for name in ATTACKS if name.startswith("loop")},
    **dict.fromkeys(["loop in a generator", "promise storm", "arrays", "one array", "strings"], SPACE),
    **dict.fromkeys(["typed arrays", "map", "symbols", "joined array", "one string", "padded string"], SPACE),
    "loop in sort": SPACE,
    "doubling string": {"ScriptError", *SPACE},
    "one typed array": {"ScriptError", *SPACE},
    "array buffer": {"ScriptError", *SPACE},
    "big integer": {"ScriptError", *SPACE},
    "recursion": DEPTH,
    "caught recursion": DEPTH | TIME,
    "recursion in toString": DEPTH,
    "deep result": DEPTH | {"ScriptOutputError"},
    "deep source": DEPTH,
    "deep pattern": DEPTH,
    "replaced stringify": {"value"},
    "replaced parse": {"value"},
    "replaced toJSON": {"ScriptOutputError"},
    "replaced slice": {"ScriptError"},
    "replaced everything": {"ScriptFunctionError"},
    "spoilt errors": {"ScriptError"},
    "huge result": {"ScriptOutputError", *SPACE},
    "huge result of wide letters": {"ScriptOutputError", *SPACE},
    "huge toJSON": {"ScriptOutputError", *SPACE},
    "huge exception": {"ScriptError", *SPACE},
    "huge exception name": {"ScriptError", *SPACE},
    "console flood": TIME,
    "console of a trap": TIME,
    "constructor escape": {"value"},
    "import of a file": {"ScriptError"},
    "import of the bridge": {"value"},
    "call of a port that is not there": {"ScriptError"},
    "bigint": {"ScriptOutputError"},
    "symbol": {"ScriptOutputError"},
    "wrong find": {"value"},
}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, object]]:
    run = subprocess.run(
        [sys.executable, "-m", "tests.engine.sandbox.attack_runner"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return {line["name"]: line for line in map(json.loads, run.stdout.splitlines())}


def test_every_attack_has_an_expected_end():
    assert set(ENDS_IN) == set(ATTACKS)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_ends_in_its_own_error_and_the_next_call_works(outcomes, name):
    outcome = outcomes[name]
    assert outcome["outcome"] in ENDS_IN[name], outcome
    assert outcome["after"] == '{"x":1}'
    assert outcome["length"] < 10_000


def test_nothing_of_a_host_is_reachable(outcomes):
    assert outcomes["constructor escape"]["text"] == repr(["undefined"] * 9)


def test_the_process_stays_small(outcomes):
    assert outcomes["peak"]["bytes"] < 400 * 1024 * 1024
