"""What a record is worked in: the step's surroundings and the one port that leads outside.

The surprise: it holds a counter, so one context serves one page in one thread.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from apps.engine.paths import MISSING
from apps.engine.templates.environment import DEFAULT_ENV, RenderEnv

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def _nothing() -> Mapping[str, Any]:
    return _NOTHING


def _no_lookup(name: str, key: str, record: Any) -> Any:
    return MISSING


@dataclass(slots=True)
class RecordContext:
    """`lookup(name, key, record)` answers cache and dynamic lookups: MISSING when there is no value.

    For a lookup cache it gives the stored text, for a call the parsed answer, for SQL the rows; the engine applies the
    lookup's `extract`. `scope` is what templates and the envelope see beside the record: settings, connection, job,
    import. `values` are the run values that `["context", name]` reads in filters.
    """

    operation: Literal["create", "update"] | None = None
    scope: Mapping[str, Any] = field(default_factory=_nothing)
    values: Mapping[str, Any] = field(default_factory=_nothing)
    lookup: Callable[[str, str, Any], Any] = _no_lookup
    env: RenderEnv = DEFAULT_ENV
    elements: int = field(default=0, repr=False)
