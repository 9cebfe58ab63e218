"""The Jinja environment: the immutable sandbox narrowed to data. Names are keys first, then method tables."""

from typing import Any

from jinja2 import ChainableUndefined, nodes
from jinja2.compiler import Frame
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.runtime import Context, LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Cycler, Joiner, Namespace

from apps.engine.templates.errors import TemplateError
from apps.engine.templates.handlebars.paths import MISSING, find
from apps.engine.templates.jinja.bounds import admit, check_operation, count_loop, safe_range
from apps.engine.templates.jinja.filters import FILTERS
from apps.engine.templates.jinja.methods import format_percent, method_of
from apps.engine.templates.jinja.values import combine

_OBJECTS: tuple[tuple[type, frozenset[str]], ...] = (
    (
        LoopContext,
        frozenset(
            [
                "index",
                "index0",
                "revindex",
                "revindex0",
                "first",
                "last",
                "length",
                "depth",
                "depth0",
                "previtem",
                "nextitem",
                "cycle",
                "changed",
            ]
        ),
    ),
    (Cycler, frozenset({"current", "next", "reset"})),
)
_ATTRIBUTES_OF_GROUPS = frozenset({"grouper", "list"})


class _Generator(NativeCodeGenerator):
    """Evaluates nothing while compiling: there is no budget then."""

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> Any:
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible()
        return super()._output_child_to_const(node, frame, finalize)


class Sandbox(ImmutableSandboxedEnvironment):
    code_generator_class = _Generator
    concat = staticmethod(combine)
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self) -> None:
        super().__init__(undefined=ChainableUndefined, optimized=False, autoescape=False, cache_size=0)
        self.filters = {**FILTERS, "#loop": lambda _: count_loop()}
        self.globals = {"range": safe_range, "dict": dict, "cycler": Cycler, "joiner": Joiner, "namespace": Namespace}

    def getattr(self, obj: Any, attribute: str) -> Any:
        found = find(obj, attribute) if not isinstance(obj, (list, tuple, str)) else MISSING
        if found is not MISSING:
            return found
        if isinstance(obj, Undefined):
            return obj
        if attribute.startswith("__") or (attribute.startswith("_") and not isinstance(obj, dict)):
            raise TemplateError(f"{attribute!r} cannot be reached from a template")
        method = method_of(obj, attribute)
        if method is not None:
            return method
        if isinstance(obj, Namespace):
            return self._attribute(obj, attribute)
        if isinstance(obj, tuple) and attribute in _ATTRIBUTES_OF_GROUPS and hasattr(obj, "_fields"):
            return getattr(obj, attribute)
        for kind, names in _OBJECTS:
            if isinstance(obj, kind) and attribute in names:
                return getattr(obj, attribute)
        return self.undefined(obj=obj, name=attribute)

    def _attribute(self, namespace: Namespace, name: str) -> Any:
        try:
            return getattr(namespace, name)
        except AttributeError:
            return self.undefined(obj=namespace, name=name)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Undefined):
            return obj
        if isinstance(argument, str):
            return self.getattr(obj, argument)
        try:
            return obj[argument]
        except (TypeError, LookupError):
            return self.undefined(obj=obj, name=argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        check_operation(operator, left, right)
        if operator == "%" and isinstance(left, str):
            return format_percent(left, right)
        return admit(self.binop_table[operator](left, right))

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        return admit(super().call(__context, __obj, *args, **kwargs))


SANDBOX = Sandbox()
