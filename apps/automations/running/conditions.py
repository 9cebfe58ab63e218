"""Condition lists of automations: of triggers and actions over the run's scope, of fetches over stored entities.

Compiled once; rendered against a scope and an environment that only a run has.
"""

from collections.abc import Callable, Mapping
from typing import Any

from apps.automations.running.rendering import FEW, RenderError, Watch, compile_value, count_templates
from apps.engine import templates
from apps.engine.conditions.rely import Condition, Conditions, compile_conditions
from apps.engine.paths import Dialect
from apps.engine.templates import RenderEnv, TemplateError

Test = Callable[[Mapping[str, Any], RenderEnv], bool]
Bind = Callable[[RenderEnv], Conditions]


def compile_test(documents: Any, at: str) -> Test | None:
    """None where there is nothing to ask. Raises DocumentError, for templates that cannot be read too."""
    bind = compile_bind(documents, at, dialect="dot")
    if not documents:
        return None

    def test(scope: Mapping[str, Any], env: RenderEnv) -> bool:
        return bind(env)(scope)

    return test


def compile_bind(documents: Any, at: str, *, dialect: Dialect) -> Bind:
    """A list of conditions that only lacks the environment of a run."""
    compiled = compile_conditions(documents, _unbound, dialect=dialect, at=at).conditions
    for index, condition in enumerate(compiled):
        compile_value(condition.value, f"{at}[{index}].value")
        if condition.get is None:
            compile_value(condition.field, f"{at}[{index}].field")
    many = count_templates([[one.field if one.get is None else "", one.value] for one in compiled]) > FEW
    return lambda env: _bound(compiled, env, at, watch=Watch(env, at) if many else None)


def _bound(compiled: list[Condition], env: RenderEnv, at: str, *, watch: Watch | None) -> Conditions:
    def render(text: str, scope: Any) -> Any:
        if watch is not None:
            watch.look()
        try:
            return templates.compile(text, "jinja").render_native(scope, env=env)
        except TemplateError as error:
            raise RenderError(f"{at}: {error}", field=at) from None

    return Conditions(compiled, render)


def _unbound(text: str, scope: Any) -> Any:
    raise RuntimeError("conditions are rendered under a run only")
