"""Templates of automations: Jinja with native types, in texts anywhere inside a document.

Compiled to closures once. What holds no template is handed out as it was written, so nobody may change it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from apps.core.errors import DomainError
from apps.engine import templates
from apps.engine.errors import DocumentError
from apps.engine.templates import RenderEnv, TemplateError

Render = Callable[[Mapping[str, Any], RenderEnv], Any]


class RenderError(DomainError):
    """A template that raises; `field` is where it stands."""

    code = "template_failed"


def compile_value(value: Any, at: str) -> Render | None:
    """A renderer of a document, or None if it holds no template. Raises DocumentError naming the text."""
    if isinstance(value, str):
        return _text(value, at) if templates.is_template(value) else None
    if isinstance(value, dict):
        return _object(value, {name: compile_value(inner, f"{at}.{name}") for name, inner in value.items()})
    if isinstance(value, list):
        return _list(value, [compile_value(inner, f"{at}[{index}]") for index, inner in enumerate(value)])
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


def _object(value: dict[str, Any], inner: dict[str, Render | None]) -> Render | None:
    rendered = {name: render for name, render in inner.items() if render is not None}
    if not rendered:
        return None

    def render(scope: Mapping[str, Any], env: RenderEnv) -> Any:
        return {**value, **{name: one(scope, env) for name, one in rendered.items()}}

    return render


def _list(value: list[Any], inner: list[Render | None]) -> Render | None:
    if not any(inner):
        return None

    def render(scope: Mapping[str, Any], env: RenderEnv) -> Any:
        return [one(scope, env) if one else item for one, item in zip(inner, value, strict=True)]

    return render


def rendered(value: Any, render: Render | None, scope: Mapping[str, Any], env: RenderEnv) -> Any:
    return value if render is None else render(scope, env)
