"""Runs every attack in one process, one line of JSON each; a hang or a crash is the parent's to see."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from apps.engine.sandbox import Limits, Sandbox
from tests.engine.sandbox.attacks import ATTACKS


def main() -> None:
    sandbox = Sandbox(Limits(seconds=0.4))
    sandbox.warm_up()
    for name, source in ATTACKS.items():
        outcome, text = "value", ""
        try:
            text = repr(sandbox.run_function(source, "f", {"data": [1]}, on_log=lambda *_: None))
        except Exception as error:
            outcome, text = type(error).__name__, str(error)
        after = sandbox.run_function("function f(x) { return JSON.stringify({x}); }", "f", 1)
        line = {"name": name, "outcome": outcome, "length": len(text), "text": text[:300], "after": after}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    status = Path("/proc/self/status").read_text()  # getrusage would tell of the parent's memory too
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024
    sys.stdout.write(json.dumps({"name": "peak", "bytes": peak}) + "\n")


if __name__ == "__main__":
    main()
