"""One-to-many: for one step, the children at a path are the records; then their parent goes on.

The surprise: a parent whose children cannot all be tried now comes back with what became of the others (`progress`), so
that none is sent twice. A failed child is kept as its parent with that child alone, under a key of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from apps.engine.paths import compile_getter, parse_path, placed
from apps.engine.records import merge_children, split_children
from apps.flows.pipeline.batch import Part
from apps.flows.pipeline.steps import ChildFailure, Failure, Outcome, StepRunner, Turn

OK, IGNORED, FAILED = "ok", "ignored", "failed"


@dataclass(slots=True)
class Split:
    """A page's children; `owners` are (parent's index, child's number) of each; `known` what earlier turns settled."""

    part: Part
    owners: list[tuple[int, int]]
    known: list[dict[str, Any]]
    counts: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class ManyRunner:
    """`trace_key` is of a child, `parent_trace` of its parent, by that one's key."""

    inner: StepRunner
    path: str
    trace_key: Callable[[Any], str]
    parent_trace: Callable[[str, Any], str]

    @property
    def effect(self) -> str:
        return self.inner.effect

    def run(self, parts: Sequence[Part], turn: Turn) -> list[Outcome]:
        splits = [self.split(part) for part in parts]
        busy = [split for split in splits if split.owners]
        answers = self.inner.run([split.part for split in busy], turn) if busy else []
        found = {id(split): answer for split, answer in zip(busy, answers, strict=True)}
        return [
            self.join(part, split, found.get(id(split), Outcome())) for part, split in zip(parts, splits, strict=True)
        ]

    def split(self, part: Part) -> Split:
        split = Split(Part(part.batch, [], [], []), [], [])
        for index, record in enumerate(part.records):
            children = split_children(record, self.path)
            known = dict(part.batch.progress.get(part.keys[index]) or {})
            split.known.append(known)
            split.counts.append(len(children))
            for number, child in enumerate(children):
                if str(number) in known:
                    continue
                split.owners.append((index, number))
                split.part.places.append(part.places[index])
                split.part.records.append(child)
                split.part.keys.append(child_key(part.keys[index], number, of=len(children)))
        return split

    def join(self, part: Part, split: Split, answer: Outcome) -> Outcome:
        outcome = Outcome(until=answer.until, parked_on=answer.parked_on, reason=answer.reason, tally=[0, 0, 0])
        outcome.kept = answer.kept
        outcome.noted = [(split.owners[child][0], failure) for child, failure in answer.noted]
        waiting: set[int] = set()
        for child, (index, number) in enumerate(split.owners):
            if child in answer.later:
                waiting.add(index)
            else:
                split.known[index][str(number)] = settled(answer, child)
        for index, key in enumerate(part.keys):
            if index in waiting:
                outcome.later.add(index)
                part.batch.progress[key] = split.known[index]
            else:
                part.batch.progress.pop(key, None)
                self.settle(outcome, part, index, [split.known[index][str(n)] for n in range(split.counts[index])])
        return outcome

    def settle(self, outcome: Outcome, part: Part, index: int, children: list[list[Any]]) -> None:
        """A parent all of whose children have been tried. It stops where one of them failed."""
        record, key = part.records[index], part.keys[index]
        words = [child[0] for child in children]
        for place, word in enumerate((OK, FAILED, IGNORED)):
            assert outcome.tally is not None  # noqa: S101 - made so
            outcome.tally[place] += words.count(word)
        outcome.responses[index] = [child[1] for child in children]
        if words and all(word == IGNORED for word in words):
            outcome.ignored.add(index)
        inside = split_children(record, self.path)
        parent = self.parent_trace(key, record)
        traces = [f"{parent} - {self.trace_key(child)}" for child in inside]
        outcome.traces[index] = traces
        for number, child in enumerate(children):
            if child[0] != FAILED:
                continue
            failure = Failure(**child[2])
            outcome.failures.setdefault(index, failure)
            outcome.children.append(
                ChildFailure(
                    index=index,
                    failure=failure,
                    record=only_child(record, self.path, number),
                    key=child_key(key, number, of=len(children)),
                    trace_key=traces[number],
                )
            )


def settled(answer: Outcome, child: int) -> list[Any]:
    """[word, response, failure]: JSON, since it may have to wait for its siblings."""
    response = answer.responses.get(child)
    if child in answer.failures:
        return [FAILED, response, asdict(answer.failures[child])]
    return [IGNORED if child in answer.ignored else OK, response, None]


def child_key(key: str, number: int, *, of: int) -> str:
    """What was kept of one child has its key already: a retry is the same write to its target."""
    if of == 1 and "/" in key:
        return key
    return f"{key}/{number}"


def only_child(record: Any, path: str, number: int) -> Any:
    """The parent with this one child, as it is kept for a retry."""
    found = compile_getter(path)(record)
    return placed(record, parse_path(path), [found[number]]) if isinstance(found, list) else record


def child_responses(map_response: Callable[[Any, Any], Any], path: str) -> Callable[[Any, Any], Any]:
    """A response mapping whose values land on each child."""

    def apply(record: Any, responses: list[Any]) -> Any:
        children = split_children(record, path)
        mapped = [
            None if response is None else map_response(child, response)
            for child, response in zip(children, responses, strict=True)
        ]
        return merge_children(record, path, mapped)

    return apply
