"""What a running template stands on: the context, the loop it is in, and the programs a block may run."""

from collections.abc import Callable, Mapping
from typing import Any

from apps.engine.templates.environment import Run


class Loop:
    """`@index @key @first @last`; the outer loop is `@../`."""

    __slots__ = ("first", "index", "key", "last", "outer")

    def __init__(self, index: int, key: Any, *, last: bool, outer: "Loop | None") -> None:
        self.index = index
        self.key = key
        self.first = index == 0
        self.last = last
        self.outer = outer


class Frame:
    """One context. `parent` is the frame of the context around it, which `../` means."""

    __slots__ = ("context", "loop", "names", "parent", "run")

    def __init__(
        self, context: Any, *, run: Run, parent: "Frame | None", loop: Loop | None, names: Mapping[str, Any]
    ) -> None:
        self.context = context
        self.run = run
        self.parent = parent
        self.loop = loop
        self.names = names


Evaluate = Callable[[Frame], Any]
Emit = Callable[[Frame, list[Any]], None]


class CompiledProgram:
    """A run of nodes, with what it costs: known parts are paid once, not node by node."""

    __slots__ = ("names", "nodes", "steps", "written")

    def __init__(self, nodes: tuple[Emit, ...], *, names: tuple[str, ...], steps: int, written: int) -> None:
        self.nodes = nodes
        self.names = names
        self.steps = steps
        self.written = written

    def emit(self, frame: Frame, out: list[Any]) -> None:
        run = frame.run
        # Run.charge and Run.write, spelt out: this is the innermost loop of every batch body.
        run.steps += self.steps
        if run.steps >= run.next_look:
            run.charge(0)
        run.output += self.written
        if run.output > run.most_output:
            run.write(0)
        for node in self.nodes:
            node(frame, out)


class Body:
    """What a block helper is given: its two programs, to run with this context or another."""

    __slots__ = ("frame", "inverse", "out", "program")

    def __init__(
        self, frame: Frame, out: list[Any], *, program: CompiledProgram | None, inverse: CompiledProgram | None
    ) -> None:
        self.frame = frame
        self.out = out
        self.program = program
        self.inverse = inverse

    def choose(self, holds: bool) -> None:
        chosen = self.program if holds else self.inverse
        if chosen is not None:
            chosen.emit(self.frame, self.out)

    def otherwise(self) -> None:
        self.choose(False)

    def enter(self, context: Any, *, loop: Loop | None = None, named: tuple[Any, ...] = ()) -> None:
        """Runs the body on another context; `named` are the values of the block parameters."""
        program, frame = self.program, self.frame
        if program is None:
            return
        if loop is not None:
            frame.run.count_loop()
        names = frame.names
        if program.names and named:
            names = {**names, **dict(zip(program.names, named, strict=False))}
        # As in Handlebars, entering the context one is in adds no level to `../`.
        parent = frame.parent if context is frame.context else frame
        program.emit(Frame(context, run=frame.run, parent=parent, loop=loop or frame.loop, names=names), self.out)
