"""Templates without loops as one generated Python function: no frames, nothing counted.

The surprises: it builds source text, in which values and names of a template only ever appear as numbered constants;
and it handles the usual case only. What fails, or is larger than usual, is rendered again step by step, which tells the
error or counts the cost. So only helpers without effects take part, whose work is bounded by what they are given.
"""

from collections.abc import Callable
from typing import Any

from apps.engine.javascript_values import to_text
from apps.engine.templates.environment import RenderEnv
from apps.engine.templates.errors import TemplateError
from apps.engine.templates.handlebars.inlines import LONGEST_TEXT, UnusualError
from apps.engine.templates.handlebars.paths import step_into
from apps.engine.templates.handlebars.places import Place
from apps.engine.templates.handlebars.roots import Roots
from apps.engine.templates.handlebars.syntax import Program
from apps.engine.templates.handlebars.writer import LONGEST_OUTPUT, NotDirectError, Writer
from apps.engine.templates.helpers.blocks import holds

Render = Callable[[Any, Any], Any]
Make = Callable[[Render], Render]

_FAULTS = (TemplateError, ValueError, ArithmeticError, RecursionError)


class _SmallRun:
    """Stands for the Run where everything stays small."""

    __slots__ = ("env",)

    def __init__(self, env: RenderEnv) -> None:
        self.env = env

    def charge(self, steps: float) -> None:
        if steps > LONGEST_TEXT >> 4:
            raise UnusualError("large")

    def allow(self, size: float) -> None:
        if size > LONGEST_TEXT:
            raise UnusualError("large")


_NAMES: dict[str, Any] = {
    "FAULTS": _FAULTS,
    "NATIVE": frozenset({int, float, bool}),
    "SIZED": (str, list, tuple, dict),
    "SmallRun": _SmallRun,
    "UnusualError": UnusualError,
    "holds": holds,
    "step": step_into,
    "to_text": to_text,
}


def generate(program: Program, roots: Roots, *, place: Place, native: bool = False) -> Make | None:
    """Makes the function once it is told what renders the unusual; None when the template needs more.

    With `native` a lone expression keeps its number or truth; anything else is text.
    """
    writer = Writer(roots, place=place)
    try:
        result = writer.lone(program) if native else None
        result = result or writer.program(program)
    except NotDirectError:
        return None
    source = writer.source
    if result.kind == "text" and not result.small:
        source.line(f"if len({result.code}) > {LONGEST_OUTPUT}:")
        source.line("    raise UnusualError('large')")
    parameters = ", ".join(roots.parameters)
    lines = [
        "def make(otherwise):",
        f"    def render({parameters}):",
        f"        if {roots.env}.roomy:",
        "            try:",
        *(f"                {line}" for line in source.lines),
        f"                return {result.code}",
        "            except FAULTS:",
        "                pass",
        f"        return otherwise({parameters})",
        "    return render",
    ]
    names = {**source.names, **_NAMES}
    exec(compile("\n".join(lines), "<template>", "exec"), names)  # noqa: S102
    make: Make = names["make"]
    return make
