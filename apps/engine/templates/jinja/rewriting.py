"""Changes to a parsed Jinja tree before it is compiled: counters in loops and macros, measures on new values."""

import math
from typing import Any

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from apps.engine.templates.errors import Position, TemplateError

_REFUSED = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block)


def rewrite(tree: nodes.Template) -> nodes.Template:
    """Raises TemplateError for statements that reach for other templates."""
    _Rewriter().visit(tree)
    return tree


def _filtered(node: nodes.Expr, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _counter(lineno: int, name: str = "#tick") -> nodes.ExprStmt:
    return nodes.ExprStmt(_filtered(nodes.Const(None, lineno=lineno), name), lineno=lineno)


class _Rewriter(NodeTransformer):
    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
        if isinstance(node, _REFUSED):
            word = type(node).__name__.lower()
            raise TemplateError(f"{word} is not part of these templates", Position(node.lineno))
        return super().visit(node, *args, **kwargs)

    def visit_Const(self, node: nodes.Const) -> nodes.Node:
        if isinstance(node.value, float) and not math.isfinite(node.value):
            raise TemplateError("a number is too large", Position(node.lineno))
        return node

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        node.body.insert(0, _counter(node.lineno, "#loop"))
        if node.test is not None:
            counted = _filtered(nodes.Const(True, lineno=node.lineno), "#tick")
            node.test = nodes.And(counted, node.test, lineno=node.lineno)
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:
        self.generic_visit(node)
        node.body.insert(0, _counter(node.lineno))
        return node

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node:
        self.generic_visit(node)
        node.body.insert(0, _counter(node.lineno))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), "#concatenate")

    def _measured(self, node: Any) -> nodes.Node:
        self.generic_visit(node)
        return node if getattr(node, "ctx", "load") != "load" else _filtered(node, "#admit")

    visit_List = visit_Tuple = visit_Dict = _measured

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(node, "#admit") if isinstance(node.arg, nodes.Slice) and node.ctx == "load" else node

    def _counted(self, node: Any) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(node, "#tick")

    visit_Compare = visit_Test = _counted
