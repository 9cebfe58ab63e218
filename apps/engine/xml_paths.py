"""XPath as Celigo's documents use it: `/A/B`, `//B`, `//B[@t="x"]`, `*`, and at the end `text()` or `@t`.

Names mind the case, namespaces do not count. One path serves two ways: `matches` while a file is read, and a getter
over the JSON form of an answer, where attributes are members like child elements.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from apps.engine.paths import MAX_PATH, MISSING, Getter, PathError, compile_getter

TEXT_NAME = "&txt"
_STEP = re.compile(r"(//?)(text\(\)|@?[^/\[\]@()\s]+)((?:\[[^\[\]]*\])*)")
_PREDICATE = re.compile(r"""\[@([^=\s\]]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'))?\]""")

Element = tuple[str, Mapping[str, str]]  # name, attributes


@dataclass(frozen=True, slots=True)
class Step:
    """`anywhere` is `//`. An attribute that must be there has the value None."""

    name: str
    anywhere: bool = False
    attributes: tuple[tuple[str, str | None], ...] = ()

    def takes(self, element: Element) -> bool:
        name, attributes = element
        return self.name in ("*", name) and self.has(attributes)

    def has(self, attributes: Mapping[str, Any]) -> bool:
        return all(
            name in attributes and (value is None or attributes[name] == value) for name, value in self.attributes
        )


@dataclass(frozen=True, slots=True)
class XmlPath:
    """`member` is the attribute, or the text, that the path ends with; empty for elements."""

    steps: tuple[Step, ...]
    member: str = ""

    def matches(self, open_elements: Sequence[Element]) -> bool:
        """Whether the path leads to the last of the elements that are open."""
        return self._match(len(self.steps) - 1, open_elements, len(open_elements) - 1)

    def _match(self, step: int, elements: Sequence[Element], at: int) -> bool:
        if at < 0 or not self.steps[step].takes(elements[at]):
            return False
        if step == 0:
            return self.steps[0].anywhere or at == 0
        if not self.steps[step].anywhere:
            return self._match(step - 1, elements, at - 1)
        return any(self._match(step - 1, elements, before) for before in range(at))

    def select(self, document: Any) -> list[Any]:
        """The values that the path leads to in the JSON form of a document, `{root: …}`."""
        found = [document]
        for step in self.steps:
            found = [value for held in found for value in _below(held, step)]
        if not self.member:
            return found
        texts = [_member(value, self.member) for value in found]
        return [text for text in texts if text is not MISSING]


@lru_cache(maxsize=2048)
def parse_xml_path(text: str) -> XmlPath:
    """Raises PathError. What begins with no slash begins at the root."""
    if len(text) > MAX_PATH:
        raise PathError(f"a path has at most {MAX_PATH} characters")
    whole = text if text.startswith("/") else f"/{text}"
    steps: list[Step] = []
    member = ""
    position = 0
    while position < len(whole):
        found = _STEP.match(whole, position)
        if found is None or member:
            raise PathError(f"not a path at character {position + 1}: {text!r}")
        position = found.end()
        name = found[2]
        if name == "text()" or name.startswith("@"):
            member = TEXT_NAME if name == "text()" else name[1:].rpartition(":")[2]
            continue
        steps.append(Step(name.rpartition(":")[2], anywhere=found[1] == "//", attributes=_attributes(found[3], text)))
    if not steps:
        raise PathError(f"the path names no element: {text!r}")
    return XmlPath(tuple(steps), member)


def compile_answer_getter(path: str) -> Getter:
    """A path of an HTTP document: `/…` is an XPath, `$…` a JSON path, all else has dots."""
    if path.startswith("/"):
        return xml_getter(path)
    return compile_getter(path, "json" if path == "$" or path.startswith(("$.", "$[")) else "dot")


def xml_getter(path: str) -> Getter:
    """The value there, a list where there are several, MISSING where there is none."""
    select: Callable[[Any], list[Any]] = parse_xml_path(path).select

    def get(document: Any) -> Any:
        found = select(document)
        return found if len(found) > 1 else found[0] if found else MISSING

    return get


def _attributes(predicates: str, text: str) -> tuple[tuple[str, str | None], ...]:
    found = []
    position = 0
    while position < len(predicates):
        one = _PREDICATE.match(predicates, position)
        if one is None:
            raise PathError(f'only [@name] and [@name="value"] can be asked of an element: {text!r}')
        found.append((one[1].rpartition(":")[2], one[2] if one[2] is not None else one[3]))
        position = one.end()
    return tuple(found)


def _below(value: Any, step: Step) -> list[Any]:
    found: list[Any] = []
    waiting = [value]
    while waiting:
        held = waiting.pop()
        if type(held) is not dict:
            continue
        for name, member in held.items():
            values = member if type(member) is list else [member]
            if step.name in ("*", name):
                found += [one for one in values if not step.attributes or (type(one) is dict and step.has(one))]
        if step.anywhere:
            inner = [one for member in held.values() for one in (member if type(member) is list else [member])]
            waiting += reversed(inner)
    return found


def _member(value: Any, name: str) -> Any:
    if type(value) is dict:
        return value.get(name, MISSING)
    return value if name == TEXT_NAME else MISSING
