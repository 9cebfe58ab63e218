"""From a logic document to a Program, or to the first thing that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apps.engine.logic.errors import LogicError
from apps.engine.logic.frame import Frame, Run, Step
from apps.engine.logic.program import Program, ScriptProgram, StepsProgram
from apps.engine.logic.reading import Members
from apps.engine.logic.steps import assign, call, ending, request
from apps.engine.logic.steps.asking import Question, read_question
from apps.engine.logic.steps.branch import BranchStep
from apps.engine.logic.steps.each import EachStep
from apps.engine.logic.values import Value, compile_value

MAX_STEPS = 500
# Both keep what the execution log stores of a step within its columns.
MAX_NESTING = 12
MAX_PATH = 180
MAX_SOURCE = 1_000_000
INTERPRETED = "javascript"


def compile_logic(document: Any) -> Program:
    """Raises LogicError whose `path` names the offending member. Compile once, run often: programs hold no state."""
    members = Members(document, "")
    if "language" in members or "source" in members:
        return _read_script(members)
    reader = _Reader()
    steps = reader.steps(members.take("steps", []), "steps", nesting=0)
    has_output = "output" in members
    output = compile_value(members.take("output", None), "output") if has_output else None
    members.finish()
    if not steps and not has_output:
        raise LogicError("", "needs steps or output")
    return StepsProgram(steps=steps, output=output, mentions_values=_mentions(document, ("vars", "fn")))


def _mentions(value: Any, words: tuple[str, ...]) -> bool:
    """Whether a text anywhere in the document holds one of the words: a template can read no other names."""
    if isinstance(value, str):
        return any(word in value for word in words)
    if isinstance(value, Mapping):
        return any(_mentions(inner, words) for inner in value.values())
    return isinstance(value, list) and any(_mentions(inner, words) for inner in value)


def _read_script(members: Members) -> ScriptProgram:
    language = members.take("language")
    if language != INTERPRETED:
        raise LogicError("language", f"must be {INTERPRETED}")
    source = members.text("source")
    if len(source) > MAX_SOURCE:
        raise LogicError("source", f"is longer than {MAX_SOURCE:,} characters")
    function = members.text("function", "execute")
    members.finish()
    return ScriptProgram(source=source, function=function)


class _Reader:
    """Counts steps and names over the whole document."""

    def __init__(self) -> None:
        self._count = 0
        self._names: set[str] = set()

    def steps(self, value: Any, path: str, *, nesting: int) -> tuple[Step, ...]:
        if not isinstance(value, list):
            raise LogicError(path, "must be a list of steps")
        if nesting > MAX_NESTING or len(path) > MAX_PATH:
            raise LogicError(path, "is nested too deep")
        return tuple(self._step(step, f"{path}[{index}]", nesting=nesting) for index, step in enumerate(value))

    def _step(self, value: Any, path: str, *, nesting: int) -> Step:
        self._count += 1
        if self._count > MAX_STEPS:
            raise LogicError(path, f"is more than the {MAX_STEPS} steps a program may have")
        members = Members(value, path)
        kinds = [kind for kind in KINDS if kind in members]
        if len(kinds) != 1:
            found = " and ".join(kinds) if kinds else "none"
            raise LogicError(path, f"must have exactly one of {', '.join(KINDS)} (has {found})")
        when = read_question(members.take("when"), members.at("when")) if "when" in members else None
        step = KINDS[kinds[0]](self, members, nesting)
        members.finish()
        return step if when is None else GuardedStep(path=path, when=when, step=step)

    def name(self, members: Members) -> str | None:
        name: str | None = members.name("name", None)
        if name is not None:
            if name in self._names:
                raise LogicError(members.at("name"), f"'{name}' is the name of another step")
            self._names.add(name)
        return name

    def request(self, members: Members, _nesting: int) -> Step:
        return request.read(Members(members.take("request"), members.at("request")), name=self.name(members))

    def call(self, members: Members, _nesting: int) -> Step:
        value = members.take("call")
        if isinstance(value, str):
            value = {"component": value}
        return call.read(Members(value, members.at("call")), name=self.name(members))

    def set(self, members: Members, _nesting: int) -> Step:
        return assign.read(Members(members.take("set"), members.at("set")), name=self.name(members))

    def branch(self, members: Members, nesting: int) -> Step:
        path = members.at("branch")
        value = members.take("branch")
        if not isinstance(value, list) or not value:
            raise LogicError(path, "must be a list of branches")
        branches = []
        for index, one in enumerate(value):
            branch = Members(one, f"{path}[{index}]")
            when = read_question(branch.take("when"), branch.at("when"))
            steps = self.steps(branch.take("steps"), branch.at("steps"), nesting=nesting + 1)
            branch.finish()
            branches.append((when, steps))
        otherwise = self.steps(members.take("else", []), members.at("else"), nesting=nesting + 1)
        return BranchStep(path=path, branches=tuple(branches), otherwise=otherwise)

    def each(self, members: Members, nesting: int) -> Step:
        item_name = members.name("as", "item")
        if item_name == "index":
            raise LogicError(members.at("as"), "'index' is the position's name")
        return EachStep(
            path=members.path,
            name=self.name(members),
            items=_list_value(members.take("each"), members.at("each")),
            item_name=item_name,
            steps=self.steps(members.take("steps"), members.at("each"), nesting=nesting + 1),
            until=compile_value(members.take("until"), members.at("until")) if "until" in members else None,
            output=compile_value(members.take("output"), members.at("output")) if "output" in members else None,
        )

    def returning(self, members: Members, _nesting: int) -> Step:
        path = members.at("return")
        return ending.ReturnStep(path=path, value=compile_value(members.take("return"), path))

    def fail(self, members: Members, _nesting: int) -> Step:
        return ending.read_fail(members.take("fail"), members.at("fail"))


def _list_value(value: Any, path: str) -> Value:
    if not isinstance(value, str | list | int) or isinstance(value, bool):
        raise LogicError(path, "must be a list, a number or a value that gives one")
    return compile_value(value, path)


KINDS: dict[str, Callable[[_Reader, Members, int], Step]] = {
    "request": _Reader.request,
    "call": _Reader.call,
    "set": _Reader.set,
    "branch": _Reader.branch,
    "each": _Reader.each,
    "return": _Reader.returning,
    "fail": _Reader.fail,
}


@dataclass(frozen=True, slots=True)
class GuardedStep:
    """A step with `when`: it runs only if that holds."""

    path: str
    when: Question
    step: Step

    def run(self, frame: Frame) -> Run:
        if (yield from self.when.ask(frame)):
            return (yield from self.step.run(frame))
        return None
