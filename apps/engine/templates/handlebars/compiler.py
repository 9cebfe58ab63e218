"""The tree to closures over frames. Helpers are settled here, so a misspelt one fails before any record does."""

import difflib
from collections.abc import Callable
from functools import partial
from typing import Any

from apps.engine.javascript_values import is_true, to_text
from apps.engine.templates.errors import Position, TemplateError
from apps.engine.templates.handlebars.frames import Body, CompiledProgram, Emit, Evaluate, Frame
from apps.engine.templates.handlebars.paths import getter, step_into, strict_getter
from apps.engine.templates.handlebars.places import Place, escape_for
from apps.engine.templates.handlebars.syntax import (
    Block,
    Call,
    Expression,
    Literal,
    Mustache,
    Node,
    Path,
    Program,
    Text,
)
from apps.engine.templates.helpers import BLOCKS, HELPERS, BlockHelper, Helper

_LOOP_VALUES = frozenset({"index", "key", "first", "last"})
Where = Callable[[], Position]
_TOLD = (ValueError, ArithmeticError, RecursionError)


class BoundValue:
    """A value of a double-brace tag in SQL: it becomes a parameter, never text of the statement."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Compiler:
    """`strict` makes a path that leads nowhere an error, save in the head of a block, where asking is the point."""

    def __init__(self, text: str, *, place: Place, strict: bool) -> None:
        self.text = text
        self.place = place
        self.strict = strict
        self.names: list[str] = []
        self.asking = 0

    def error(self, message: str, offset: int) -> TemplateError:
        return TemplateError(message, Position.of(self.text, offset))

    def where(self, offset: int) -> Where:
        """Lines are counted when an error asks, not for every tag of a long text."""
        return partial(Position.of, self.text, offset)

    # Programs

    def program(self, program: Program) -> CompiledProgram:
        self.names.extend(program.names)
        compiled = [self.node(node) for node in program.body if not isinstance(node, Text) or node.value]
        nodes = tuple(node for node in compiled if node is not None)
        if program.names:
            del self.names[-len(program.names) :]
        written = sum(len(node.value) for node in program.body if isinstance(node, Text))
        return CompiledProgram(nodes, names=program.names, steps=1 + len(nodes), written=written)

    def node(self, node: Node) -> Emit | None:
        if isinstance(node, Text):
            value = node.value
            return lambda frame, out: out.append(value)
        if isinstance(node, Mustache):
            return self.mustache(node)
        return self.block(node) if isinstance(node, Block) else None

    def mustache(self, node: Mustache) -> Emit:
        evaluate = self.lone(node.call)
        if self.strict:
            evaluate = self._refuse_null(evaluate, node.call)
        if self.place == "sql" and node.escaped:
            return lambda frame, out: out.append(BoundValue(evaluate(frame)))
        escape = escape_for(node, self.place)

        def emit(frame: Frame, out: list[Any]) -> None:
            value = evaluate(frame)
            text = value if type(value) is str else to_text(value)
            if escape is not None:
                text = escape(text)
            run = frame.run
            run.output += len(text)
            if run.output > run.most_output:
                run.write(0)
            out.append(text)

        return emit

    def _refuse_null(self, evaluate: Evaluate, call: Call) -> Evaluate:
        if not isinstance(call.target, Path) or call.params or call.named:
            return evaluate
        written, where = call.target.original, self.where(call.target.offset)

        def checked(frame: Frame) -> Any:
            value = evaluate(frame)
            if value is None:
                raise TemplateError(f"{written} is empty, and this template is strict", where())
            return value

        return checked

    # Expressions

    def lone(self, call: Call) -> Evaluate:
        """A tag's content, where a single word is a helper only if that helper needs no arguments."""
        target = call.target
        if call.params or call.named:
            return self.helper_call(call)
        if isinstance(target, Path):
            if target.simple and target.parts[0] not in self.names:
                helper = HELPERS.get(target.parts[0])
                if helper is not None and helper.least == 0:
                    return self._helper_or_field(helper, call, target)
            return self.path(target)
        if isinstance(target, Literal):
            # As in Handlebars, {{"odd name"}} and {{12}} look the word up.
            return self.path(Path((target.original,), 0, False, False, target.original, target.offset))
        return self.expression(target)

    def _helper_or_field(self, helper: Helper, call: Call, target: Path) -> Evaluate:
        run_helper = self.helper_call(call)
        if not helper.yields_to_field:
            return run_helper
        name = target.parts[0]

        def field_first(frame: Frame) -> Any:
            value = step_into(frame.context, name)
            return run_helper(frame) if value is None else value

        return field_first

    def expression(self, node: Expression) -> Evaluate:
        if isinstance(node, Literal):
            value = node.value
            return lambda frame: value
        if isinstance(node, Path):
            return self.path(node)
        return self.helper_call(node)

    def path(self, path: Path) -> Evaluate:
        if path.data:
            return self._data_path(path)
        parts = path.parts
        if parts and not path.scoped and parts[0] in self.names:
            name, rest = parts[0], getter(parts[1:])
            return lambda frame: rest(frame.names.get(name))
        get = self._getter(parts, path)
        if not path.depth:
            return lambda frame: get(frame.context)
        depth = path.depth

        def get_outside(frame: Frame) -> Any:
            outer: Frame | None = frame
            for _ in range(depth):
                outer = outer.parent if outer is not None else None
            return None if outer is None else get(outer.context)

        return get_outside

    def _getter(self, parts: tuple[str, ...], path: Path) -> Callable[[Any], Any]:
        if not self.strict or self.asking:
            return getter(parts)
        where, find = self.where(path.offset), strict_getter(parts, path.original)

        def get(context: Any) -> Any:
            try:
                return find(context)
            except TemplateError as error:
                raise TemplateError(error.message, where()) from None

        return get

    def _data_path(self, path: Path) -> Evaluate:
        if not path.parts:
            raise self.error("@ must be followed by a name", path.offset)
        name, depth = path.parts[0], path.depth
        rest = getter(path.parts[1:])
        if name == "root":
            return lambda frame: rest(frame.run.scope)
        if name not in _LOOP_VALUES:
            raise self.error(f"@{name} is not known; there are @root, @index, @key, @first, @last", path.offset)

        def get(frame: Frame) -> Any:
            loop = frame.loop
            for _ in range(depth):
                loop = loop.outer if loop is not None else None
            return None if loop is None else rest(getattr(loop, name))

        return get

    # Helpers

    def helper_call(self, call: Call) -> Evaluate:
        target = call.target
        if not isinstance(target, Path) or not target.simple:
            if call.nested and isinstance(target, Path) and not call.params and not call.named:
                return self.path(target)
            raise self.error(f"{_written(target)} is not a helper", call.offset)
        name = target.parts[0]
        helper = HELPERS.get(name)
        if helper is None:
            raise self.unknown(name, target.offset)
        self._check_count(call, name, least=helper.least)
        params = tuple(self.expression(param) for param in call.params[: helper.most])
        named = {key: self.expression(value) for key, value in call.named.items() if key in helper.named}
        return _invoke(helper, params, named, self.where(call.offset))

    def _check_count(self, call: Call, name: str, *, least: int) -> None:
        if len(call.params) < least:
            raise self.error(f"{name} needs {least} argument{'s' if least > 1 else ''}", call.offset)

    def unknown(self, name: str, offset: int) -> TemplateError:
        near = difflib.get_close_matches(name, [*HELPERS, *BLOCKS], n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return self.error(f"there is no helper named {name!r}{hint}", offset)

    # Blocks

    def block(self, block: Block) -> Emit:
        call, target = block.call, block.call.target
        program = self.program(block.program) if block.program is not None else None
        inverse = self.program(block.inverse) if block.inverse is not None else None
        if block.raw and program is not None and not call.params:
            return program.emit
        self.asking += 1
        try:
            if isinstance(target, Path) and target.simple and target.parts[0] not in self.names:
                helper = BLOCKS.get(target.parts[0])
                if helper is not None and (call.params or call.named or helper.least == 0):
                    return self._block_call(helper, call, program, inverse)
            section = self.lone(call)
        finally:
            self.asking -= 1
        return _section(section, program, inverse)

    def _block_call(
        self, helper: BlockHelper, call: Call, program: CompiledProgram | None, inverse: CompiledProgram | None
    ) -> Emit:
        self._check_count(call, helper.name, least=helper.least)
        params: list[Evaluate] = []
        for index, param in enumerate(call.params[: helper.most]):
            if index in helper.words and isinstance(param, Path) and param.simple:
                param = Literal(param.parts[0], param.original, param.offset)  # noqa: PLW2901
            params.append(self.expression(param))
        named = {key: self.expression(value) for key, value in call.named.items() if key in helper.named}
        name, function, where = helper.name, helper.function, self.where(call.offset)

        def emit(frame: Frame, out: list[Any]) -> None:
            body = Body(frame, out, program=program, inverse=inverse)
            arguments = [param(frame) for param in params]
            try:
                if named:
                    function(body, *arguments, **{key: value(frame) for key, value in named.items()})
                else:
                    function(body, *arguments)
            except TemplateError as error:
                raise error if error.position else TemplateError(f"{name}: {error.message}", where()) from None
            except (ValueError, ArithmeticError) as error:
                raise TemplateError(f"{name}: {error}", where()) from None

        return emit


def _section(evaluate: Evaluate, program: CompiledProgram | None, inverse: CompiledProgram | None) -> Emit:
    """A block named after a value: lists repeat it, objects become its context, true keeps the context."""
    each = BLOCKS["each"].function

    def emit(frame: Frame, out: list[Any]) -> None:
        value = evaluate(frame)
        body = Body(frame, out, program=program, inverse=inverse)
        if isinstance(value, (list, tuple)):
            each(body, value)
        elif value is None or value is False or (value != 0 and not is_true(value)):
            body.otherwise()
        else:
            body.enter(frame.context if value is True else value, named=(value,))

    return emit


def _invoke(helper: Helper, params: tuple[Evaluate, ...], named: dict[str, Evaluate], where: Where) -> Evaluate:
    function, name, wants_run = helper.function, helper.name, helper.wants_run

    def evaluate(frame: Frame) -> Any:
        run = frame.run
        arguments = [param(frame) for param in params]
        try:
            if named:
                options = {key: value(frame) for key, value in named.items()}
                result = function(run, *arguments, **options) if wants_run else function(*arguments, **options)
            else:
                result = function(run, *arguments) if wants_run else function(*arguments)
            if isinstance(result, (str, list, tuple, dict)):
                run.allow(len(result))
            run.charge(1)
        except TemplateError as error:
            raise error if error.position else TemplateError(f"{name}: {error.message}", where()) from None
        except _TOLD as error:
            raise TemplateError(f"{name}: {error}", where()) from None
        return result

    return evaluate


def _written(target: Expression) -> str:
    return "an expression" if isinstance(target, Call) else repr(target.original)
