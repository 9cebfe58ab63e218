"""Templates of automations: Jinja with native types, in texts anywhere inside a document.

Compiled to closures once. What holds no template is handed out as it was written, so nobody may change it.

The surprise: each text has bounds of its own, and a document may hold thousands; so those of many are watched as one.
"""

from collections.abc import Callable, Mapping
from typing import Any

from apps.core.errors import DomainError
from apps.engine import templates
from apps.engine.errors import DocumentError
from apps.engine.templates import RenderEnv, TemplateError

Render = Callable[[Mapping[str, Any], RenderEnv], Any]
FEW = 40  # texts of one document that need no watch: each is stopped after half a second
MOST_SECONDS = 5.0  # of processor time, for all texts of one document


class RenderError(DomainError):
    """A template that raises; `field` is where it stands."""

    code = "template_failed"


def compile_value(value: Any, at: str) -> Render | None:
    """A renderer of a document, or None if it holds no template. Raises DocumentError naming the text."""
    return _compiled(value, at, watched=count_templates(value) > FEW)


def count_templates(value: Any) -> int:
    if isinstance(value, str):
        return 1 if templates.is_template(value) else 0
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(map(count_templates, inner))


class Watch:
    """Raises RenderError once the texts that begin with the same watch have taken too long together."""

    def __init__(self, env: RenderEnv, at: str) -> None:
        self._env, self._at, self._ends = env, at, env.stopwatch() + MOST_SECONDS

    def look(self) -> None:
        if self._env.stopwatch() > self._ends:
            message = f"{self._at}: its templates take longer than {MOST_SECONDS:g} s together"
            raise RenderError(message, field=self._at)


def _compiled(value: Any, at: str, *, watched: bool) -> Render | None:
    if isinstance(value, str):
        return _text(value, at) if templates.is_template(value) else None
    if isinstance(value, dict):
        members = {name: _compiled(inner, f"{at}.{name}", watched=watched) for name, inner in value.items()}
        return _object(value, members, at, watched=watched)
    if isinstance(value, list):
        items = [_compiled(inner, f"{at}[{index}]", watched=watched) for index, inner in enumerate(value)]
        return _list(value, items, at, watched=watched)
    return None


def _text(text: str, at: str) -> Render:
    try:
        template = templates.compile(text, "jinja")
    except TemplateError as error:
        raise DocumentError(at, f"the template cannot be read: {error}") from None

    def render(scope: Mapping[str, Any], env: RenderEnv) -> Any:
        try:
            return template.render_native(scope, env=env)
        except TemplateError as error:
            raise RenderError(f"{at}: {error}", field=at) from None

    return render


def _object(value: dict[str, Any], inner: dict[str, Render | None], at: str, *, watched: bool) -> Render | None:
    rendered = {name: render for name, render in inner.items() if render is not None}
    if not rendered:
        return None

    def render_watched(scope: Mapping[str, Any], env: RenderEnv) -> Any:
        watch, made = Watch(env, at), dict(value)
        for name, one in rendered.items():
            watch.look()
            made[name] = one(scope, env)
        return made

    def render(scope: Mapping[str, Any], env: RenderEnv) -> Any:
        return {**value, **{name: one(scope, env) for name, one in rendered.items()}}

    return render_watched if watched else render


def _list(value: list[Any], inner: list[Render | None], at: str, *, watched: bool) -> Render | None:
    if not any(inner):
        return None

    def render_watched(scope: Mapping[str, Any], env: RenderEnv) -> Any:
        watch, made = Watch(env, at), list(value)
        for index, one in enumerate(inner):
            if one is not None:
                watch.look()
                made[index] = one(scope, env)
        return made

    def render(scope: Mapping[str, Any], env: RenderEnv) -> Any:
        return [one(scope, env) if one else item for one, item in zip(inner, value, strict=True)]

    return render_watched if watched else render


def rendered(value: Any, render: Render | None, scope: Mapping[str, Any], env: RenderEnv) -> Any:
    return value if render is None else render(scope, env)
