"""Regular expressions with Node.js' dialect: whole matches, literal position counts, and no pattern that can hang."""

import math
from typing import Any

from apps.engine.javascript_values import numeric, to_text
from apps.engine.templates.environment import Run
from apps.engine.templates.helpers.registry import helper
from apps.engine.templates.regexes import Pattern, compile_pattern


@helper("regexMatch")
def regex_match(run: Run, value: Any, pattern: Any, index: Any = 0, flags: Any = "") -> str:
    """The index-th occurrence from 0. A third argument that is no number is the flags."""
    number = numeric(index)
    if math.isnan(number):
        number, flags = 0.0, flags or index
    expression = _compiled(pattern, flags)
    text = to_text(value)
    for position, match in enumerate(expression.matches(text, run)):
        if position == number:
            return match.group()
    return ""


@helper("regexReplace")
def regex_replace(run: Run, value: Any, replacement: Any, pattern: Any, flags: Any = "") -> str:
    """The replacement comes before the pattern. Only the first match, unless the flags hold g."""
    return _compiled(pattern, flags).replace(to_text(value), to_text(replacement), run)


@helper("regexSearch")
def regex_search(run: Run, value: Any, pattern: Any, flags: Any = "") -> int:
    match = next(_compiled(pattern, flags).matches(to_text(value), run), None)
    return -1 if match is None else match.start()


def _compiled(pattern: Any, flags: Any) -> Pattern:
    return compile_pattern(to_text(pattern), to_text(flags))
