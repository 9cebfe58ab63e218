"""A compiled Jinja template. A lone path is a getter and text without tags is itself: neither pays for Jinja."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import jinja2

from apps.engine.templates.environment import DEFAULT_ENV, RenderEnv, Run
from apps.engine.templates.errors import Position, TemplateError
from apps.engine.templates.handlebars.paths import getter
from apps.engine.templates.jinja.bounds import current_run
from apps.engine.templates.jinja.rewriting import rewrite
from apps.engine.templates.jinja.sandbox import SANDBOX
from apps.engine.templates.jinja.values import combine, text_of

_NAME = r"[A-Za-z]\w*"
_LONE_PATH = re.compile(
    rf"""\{{\{{-?\s*({_NAME}(?:\.(?:{_NAME}|\d+)|\[\d+\]|\['[^'\\]*'\]|\["[^"\\]*"\])*)\s*-?\}}\}}\Z""", re.ASCII
)
_STEP = re.compile(rf"""({_NAME}|\d+)|\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]""", re.ASCII)
_RESERVED = frozenset(
    [
        "true",
        "false",
        "none",
        "True",
        "False",
        "None",
        "not",
        "and",
        "or",
        "in",
        "is",
        "if",
        "else",
        "loop",
        "self",
        "caller",
        "varargs",
        "kwargs",
    ]
)
_TOLD = (
    jinja2.TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
)


class JinjaTemplate:
    """Render it as often as needed, from any thread."""

    def __init__(self, text: str) -> None:
        self.text = text
        path = _lone_path(text)
        self._get: Callable[[Any], Any] | None = None if path is None else getter(path)
        self._is_text = "{{" not in text and "{%" not in text and "{#" not in text
        self._template = None if self._get or self._is_text else _compile(text)

    def render(self, scope: Mapping[str, Any], *, env: RenderEnv | None = None) -> str:
        """The native value as text: null is empty, lists and objects are JSON."""
        return self._within(scope, env, as_text=True)

    def render_native(self, scope: Mapping[str, Any], *, env: RenderEnv | None = None) -> Any:
        """The value of a lone expression with its type kept; text otherwise. Raises TemplateError."""
        if self._get is not None:
            return self._get(scope)
        return self.text if self._is_text else self._within(scope, env, as_text=False)

    def _within(self, scope: Mapping[str, Any], env: RenderEnv | None, *, as_text: bool) -> Any:
        env = env or DEFAULT_ENV
        token = current_run.set(Run(scope, env))
        try:
            if self._template is None:
                value = self.render_native(scope)
            else:
                value = self._run(self._template, scope, env)
            return text_of(value) if as_text else value
        finally:
            current_run.reset(token)

    def _run(self, template: jinja2.Template, scope: Mapping[str, Any], env: RenderEnv) -> Any:
        context = template.new_context({**env.functions, **scope})
        try:
            return combine(template.root_render_func(context))
        except TemplateError as error:
            if error.position is not None:
                raise
            raise TemplateError(error.message, _position(template, error)) from None
        except RecursionError as error:
            raise TemplateError("the template calls itself too deeply", _position(template, error)) from None
        except _TOLD as error:
            raise TemplateError(str(error), _position(template, error)) from None


def _lone_path(text: str) -> tuple[str, ...] | None:
    match = _LONE_PATH.match(text)
    if match is None:
        return None
    steps = tuple(next(part for part in step if part) if any(step) else "" for step in _STEP.findall(match[1]))
    return None if steps[0] in _RESERVED or steps[0] in SANDBOX.globals else steps


def _compile(text: str) -> jinja2.Template:
    try:
        tree = rewrite(SANDBOX.parse(text))
        return jinja2.Template.from_code(SANDBOX, SANDBOX.compile(tree, filename="<template>"), {**SANDBOX.globals})
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(error.message or "not a template", Position(error.lineno)) from None
    except jinja2.TemplateError as error:
        raise TemplateError(error.message or "not a template") from None
    except RecursionError:
        raise TemplateError("the template nests too deeply") from None
    except (SyntaxError, ValueError, MemoryError) as error:
        raise TemplateError(f"not a template: {error}") from None


def _position(template: jinja2.Template, error: BaseException) -> Position | None:
    """The line in the template that the deepest frame of its code stands on."""
    line, traceback = None, error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == "<template>":
            line = template.get_corresponding_lineno(traceback.tb_lineno)
        traceback = traceback.tb_next
    return None if line is None else Position(line)
