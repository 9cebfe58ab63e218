"""A template's tree to the lines of its generated function. Whatever needs frames, loops or counting is refused."""

from typing import Any

from apps.engine.javascript_values import to_text
from apps.engine.templates.handlebars.inlines import INLINES, Operand, SourceText
from apps.engine.templates.handlebars.paths import parse_text_path
from apps.engine.templates.handlebars.places import Place, escape_for
from apps.engine.templates.handlebars.roots import Roots, step
from apps.engine.templates.handlebars.syntax import (
    Block,
    Call,
    Comment,
    Expression,
    Literal,
    Mustache,
    Node,
    Path,
    Program,
    Text,
)
from apps.engine.templates.helpers import BLOCKS, HELPERS, Helper

# With these, whatever the direct way does stays under RenderEnv's usual bounds on steps.
_MOST_NODES = 400
_MOST_CALLS = 60
_DEEPEST = 20
_ADDED_AT_ONCE = 8
LONGEST_OUTPUT = 10_000_000
# Helpers that want the run only to ask for room or for the surroundings.
_MODEST = frozenset(
    {"padLeft", "padRight", "replace", "split", "join", "sort", "dateFormat", "dateAdd", "timestamp", "date"}
)
_KINDS: dict[Any, str] = {str: "text", bool: "boolean", int: "number", float: "number"}


class NotDirectError(Exception):
    """The template needs frames, loops or counting."""


class Writer:
    def __init__(self, roots: Roots, *, place: Place) -> None:
        self.roots = roots
        self.place = place
        self.source = SourceText()
        self.nodes = 0
        self.calls = 0
        self.known: dict[tuple[str, ...], str] = {}

    # Programs

    def lone(self, program: Program) -> Operand | None:
        """The value of the only tag; None when there is more to the text, or when it is text anyway."""
        nodes = [node for node in program.body if not _is_nothing(node)]
        if len(nodes) != 1 or not isinstance(node := nodes[0], Mustache) or self.place != "raw":
            return None
        value = self.tag(node.call)
        if value.kind in ("number", "boolean"):
            return value
        text = self.source.text(value)
        if value.kind == "text":
            return text
        kept = self.source.fresh()
        self.source.line(f"{kept} = {value.code} if {value.code}.__class__ in NATIVE else {text.code}")
        self.source.line(f"if {kept}.__class__ is str and len({kept}) > {LONGEST_OUTPUT}:")
        self.source.line("    raise UnusualError('large')")
        return Operand(kept, "any")

    def program(self, program: Program) -> Operand:
        if program.names:
            raise NotDirectError
        pieces: list[Operand] = []
        unmeasured: list[str] = []
        size = ""
        for node in program.body:
            if _is_nothing(node):
                continue
            piece = self.node(node)
            pieces.append(piece)
            if piece.constant is None and not piece.small:
                unmeasured.append(f"len({piece.code})")
            if len(unmeasured) == _ADDED_AT_ONCE:
                # Many long values must not be joined, or even made, before anyone looks.
                size = self.measure(unmeasured, size)
        if len(pieces) == 1:
            return pieces[0]
        if not pieces:
            return Operand(self.source.constant(""), "text", constant=("",))
        joined = self.source.fresh()
        self.source.line(f"{joined} = f'{''.join(f'{{{piece.code}}}' for piece in pieces)}'")
        return Operand(joined, "text")

    def measure(self, unmeasured: list[str], size: str) -> str:
        total = size or self.source.fresh()
        self.source.line(f"{total} {'+=' if size else '='} {' + '.join(unmeasured)}")
        self.source.line(f"if {total} > {LONGEST_OUTPUT}:")
        self.source.line("    raise UnusualError('large')")
        unmeasured.clear()
        return total

    def node(self, node: Node) -> Operand:
        self.nodes += 1
        if self.nodes > _MOST_NODES:
            raise NotDirectError
        if isinstance(node, Text):
            return Operand(self.source.constant(node.value), "text", constant=(node.value,))
        if isinstance(node, Mustache):
            text = self.source.text(self.tag(node.call))
            escape = escape_for(node, self.place)
            return text if escape is None else self.source.call(escape, text.code, kind="text")
        if not isinstance(node, Block):
            raise NotDirectError
        return self.choice(node)

    def choice(self, block: Block) -> Operand:
        """A block that only chooses between its programs, in the context it stands in."""
        condition = self.condition(block.call) if not block.raw else None
        if condition is None:
            raise NotDirectError
        chosen = self.source.fresh()
        for header, program in ((f"if {condition}:", block.program), ("else:", block.inverse)):
            self.source.line(header)
            self.source.depth += 1
            if self.source.depth > _DEEPEST:
                raise NotDirectError
            before = dict(self.known)
            self.source.line(f"{chosen} = {self.program(program or Program()).code}")
            self.known = before
            self.source.depth -= 1
        return Operand(chosen, "text")

    def condition(self, call: Call) -> str | None:
        target = call.target
        if not isinstance(target, Path) or not target.simple or call.named or target.parts[0] not in BLOCKS:
            return None
        block = BLOCKS[target.parts[0]]
        if not call.params or len(call.params) < block.least:
            return None
        if block.name in ("if", "unless"):
            value = self.expression(call.params[0])
            held = value.code if value.kind == "boolean" else f"holds({value.code})"
            return f"not {held}" if block.name == "unless" else held
        return self.helper(HELPERS[block.name], call).code if block.asks else None

    # Expressions

    def tag(self, call: Call) -> Operand:
        """As Compiler.lone settles it."""
        target = call.target
        if call.params or call.named:
            return self.invocation(call)
        if isinstance(target, Literal):
            return self.path((target.original,))
        if isinstance(target, Path):
            helper = HELPERS.get(target.parts[0]) if target.simple else None
            if helper is None or helper.least:
                return self.expression(target)
            if helper.yields_to_field:
                raise NotDirectError
            return self.invocation(call)
        return self.expression(target)

    def expression(self, node: Expression) -> Operand:
        if isinstance(node, Literal):
            kind = _KINDS.get(type(node.value), "any")
            return Operand(self.source.constant(node.value), kind, constant=(node.value,))
        if isinstance(node, Call):
            return self.invocation(node)
        if node.depth or (node.data and node.parts[:1] != ("root",)):
            raise NotDirectError
        return self.path(node.parts[1:] if node.data else node.parts)

    def path(self, parts: tuple[str, ...]) -> Operand:
        """Steps already taken for another path are not taken again."""
        if not parts:
            if self.roots.whole is None:
                raise NotDirectError
            return Operand(self.roots.whole, "any")
        for end in range(1, len(parts) + 1):
            if parts[:end] in self.known:
                continue
            if end == 1:
                taken = self.roots.first(self.source, parts[0])
            else:
                taken = step(self.known[parts[: end - 1]], self.source.constant(parts[end - 1]))
            if taken is None:
                raise NotDirectError
            self.known[parts[:end]] = self.source.fresh()
            self.source.line(f"{self.known[parts[:end]]} = {taken}")
        return Operand(self.known[parts], "any")

    def invocation(self, call: Call) -> Operand:
        target = call.target
        if isinstance(target, Path) and target.simple and target.parts[0] in HELPERS:
            return self.helper(HELPERS[target.parts[0]], call)
        if call.nested and isinstance(target, Path) and not call.params and not call.named:
            return self.expression(target)
        raise NotDirectError

    def helper(self, helper: Helper, call: Call) -> Operand:
        self.calls += 1
        if self.calls > _MOST_CALLS:
            raise NotDirectError
        if helper.name == "getValue":
            return self.value_at(call)
        if helper.wants_run and helper.name not in _MODEST:
            raise NotDirectError
        arguments = [self.expression(param) for param in call.params[: helper.most]]
        named = {key: self.expression(value) for key, value in call.named.items() if key in helper.named}
        inline = INLINES.get(helper.name)
        if inline is not None and not named and (value := inline(self.source, arguments)) is not None:
            return value
        written = [f"SmallRun({self.roots.env})"] if helper.wants_run else []
        written += [argument.code for argument in arguments]
        written += [f"{key}={value.code}" for key, value in named.items()]
        return self.source.call(helper.function, ", ".join(written), kind=_KINDS.get(helper.gives, "any"), check=True)

    def value_at(self, call: Call) -> Operand:
        path, *rest = call.params
        if not isinstance(path, Literal) or call.named:
            raise NotDirectError
        found = self.path(parse_text_path(to_text(path.value)))
        if not rest:
            return found
        default = self.expression(rest[0])
        value = self.source.fresh()
        self.source.line(f"{value} = {default.code} if {found.code} is None else {found.code}")
        return Operand(value, "any")


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Comment) or (isinstance(node, Text) and not node.value)
