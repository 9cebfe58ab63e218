"""The paths a template reads, as written: inside a block they are relative, so `a.b` may mean the element's."""

from apps.engine.templates.handlebars.paths import parse_text_path
from apps.engine.templates.handlebars.syntax import Block, Call, Expression, Literal, Mustache, Path, Program

_Paths = set[tuple[str, ...]]


def references_of(program: Program | None) -> _Paths:
    """Lookups by name count as `lookup.name`; paths in quotes (`getValue`) count too."""
    found: _Paths = set()
    for node in program.body if program is not None else ():
        if isinstance(node, (Mustache, Block)):
            found |= _of_expression(node.call)
        if isinstance(node, Block):
            found |= references_of(node.program) | references_of(node.inverse)
    return found


def _of_expression(node: Expression) -> _Paths:
    if isinstance(node, Literal):
        return set()
    if isinstance(node, Path):
        parts = node.parts[1:] if node.data and node.parts[0] == "root" else () if node.data else node.parts
        return {parts} if parts else set()
    return _of_call(node)


def _of_call(call: Call) -> _Paths:
    arguments = [*call.params, *call.named.values()]
    found = set() if arguments else _of_expression(call.target)
    name = call.target.original if isinstance(call.target, Path) else ""
    if arguments and name in ("lookup", "getValue") and isinstance(first := arguments[0], Literal):
        found.add((name, first.original) if name == "lookup" else parse_text_path(first.original))
    for argument in arguments:
        found |= _of_expression(argument)
    return found
