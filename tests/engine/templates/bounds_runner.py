"""Renders attack templates one by one, in a process that can be killed, and prints what each cost as a JSON line."""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from apps.engine.templates import RenderEnv, TemplateError, compile

SCOPE: dict[str, Any] = {
    "rows": [[number] for number in range(3000)],
    "text": "x" * 100_000,
    "angles": "<" * 100_000,
    "xs": [{"id": 1}, {"id": 2}],
}


def peak_kilobytes() -> int:
    """On Linux from the process's status: what `resource` says there includes the parent's peak before the fork."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split(maxsplit=1)[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def render(grammar: Any, text: str) -> tuple[str, str]:
    try:
        value = compile(text, grammar).render_native(SCOPE, env=RenderEnv(functions={"f": len}))
    except TemplateError as error:
        return "TemplateError", str(error)
    except BaseException as error:
        return type(error).__name__, str(error)
    return "value", str(value)[:200]


def main() -> None:
    for grammar in ("handlebars", "jinja"):
        render(grammar, "{{ 1 }}{{ xs }}")
    start = peak_kilobytes()
    for grammar, text in json.load(sys.stdin):
        began = time.thread_time()
        outcome, message = render(grammar, text)
        seconds = time.thread_time() - began
        print(json.dumps([outcome, message, seconds, peak_kilobytes() - start]), flush=True)


if __name__ == "__main__":
    main()
