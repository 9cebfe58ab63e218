"""A compiled Handlebars template: rendered directly when that suffices, else step by step, with everything counted."""

from collections.abc import Mapping
from typing import Any

from apps.engine.templates.environment import DEFAULT_ENV, RenderEnv, Run
from apps.engine.templates.errors import TemplateError
from apps.engine.templates.handlebars.compiler import Compiler
from apps.engine.templates.handlebars.direct import Make, Render, generate
from apps.engine.templates.handlebars.frames import CompiledProgram, Frame
from apps.engine.templates.handlebars.parser import parse
from apps.engine.templates.handlebars.places import Place
from apps.engine.templates.handlebars.references import references_of
from apps.engine.templates.handlebars.roots import SCOPE_ROOTS, Roots
from apps.engine.templates.sql import read_statement, shape_of, values_of

_WORTH_A_FUNCTION = 3


class HandlebarsTemplate:
    """Render it from any thread. `references` are the paths it reads, as written."""

    def __init__(self, text: str, *, place: Place = "raw") -> None:
        self.text = text
        self.place = place
        self._strict: CompiledProgram | None = None
        self._render: Render | None = None
        self._renderings = 0
        self._makes: dict[tuple[Roots, bool], Make | None] = {}
        try:
            self._tree = tree = parse(text)
            self.references = frozenset(references_of(tree))
            self._program = Compiler(text, place=place, strict=False).program(tree)
        except RecursionError:
            raise TemplateError("the template nests too deeply") from None

    def render(self, scope: Mapping[str, Any], *, env: RenderEnv | None = None) -> str:
        """Raises TemplateError. Missing and null paths are empty text unless `env.strict`."""
        text: str = (self._render or self._warm())(scope, env or DEFAULT_ENV)
        return text

    def _warm(self) -> Render:
        """Writing and compiling a function costs as much as a hundred renderings, so it waits for the third."""
        self._renderings += 1
        if self._renderings < _WORTH_A_FUNCTION:
            return self.render_by_steps
        self._render = self.direct(SCOPE_ROOTS, otherwise=self.render_by_steps) or self.render_by_steps
        return self._render

    def render_native(self, scope: Mapping[str, Any], *, env: RenderEnv | None = None) -> Any:
        """The text: Handlebars has no other values."""
        return self.render(scope, env=env)

    def direct(self, roots: Roots, *, otherwise: Render, native: bool = False) -> Render | None:
        """A function of the two parameters of `roots`, for callers that need no scope; None when it takes more.

        `otherwise`, with the same parameters, answers where it does not. With `native` a lone expression that is a
        number or a truth stays one.
        """
        if self.place == "sql":
            return None
        if (roots, native) not in self._makes:
            self._makes[roots, native] = generate(self._tree, roots, place=self.place, native=native)
        make = self._makes[roots, native]
        return None if make is None else make(otherwise)

    def render_by_steps(self, scope: Mapping[str, Any], env: RenderEnv) -> str:
        """What `render` must always agree with."""
        pieces = self.pieces(scope, env)
        if self.place == "sql":
            return read_statement(shape_of(pieces), dialect=None).quote(values_of(pieces), dialect=None)
        return "".join(pieces)

    def pieces(self, scope: Mapping[str, Any], env: RenderEnv) -> list[Any]:
        """The output in order: text, and for SQL the bound values between."""
        program = self._program
        if env.strict:
            if self._strict is None:
                self._strict = Compiler(self.text, place=self.place, strict=True).program(self._tree)
            program = self._strict
        out: list[Any] = []
        run = Run(scope, env)
        try:
            program.emit(Frame(scope, run=run, parent=None, loop=None, names={}), out)
        except RecursionError:
            raise TemplateError("the data nest too deeply to be rendered") from None
        except ValueError as error:
            raise TemplateError(str(error)) from None
        return out
