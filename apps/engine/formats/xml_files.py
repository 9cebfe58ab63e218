"""XML as records, read as a stream: memory holds the element that is being read, never the document.

The JSON form (the documents' automatic one): a repeated element is a list, an element of text alone is that text,
attributes are members by their names, and all values are texts. Declared entities are refused (defusedxml).
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from apps.engine.paths import PathError
from apps.engine.xml_paths import TEXT_NAME, Element, XmlPath, parse_xml_path

from .cursor import CHUNK, Cursor, FormatError, Stream, codec

MOST_DEPTH = 150  # of elements inside each other; JSON libraries give up at 254
LONGEST_RECORD = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class XmlRules:
    """`path` empty: the root is the one record. `include` and `exclude` name elements anywhere in a record."""

    path: str = ""
    trim: bool = False
    strip_newlines: bool = False
    attribute_prefix: str = ""
    text_name: str = TEXT_NAME
    lists: frozenset[str] = frozenset()
    include: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()
    encoding: str = ""  # empty: as the file declares it


PLAIN = XmlRules()


def parse_xml(stream: Stream, rules: XmlRules, cursor: Cursor) -> Iterator[tuple[Any, Cursor]]:
    """(record, cursor behind it) for each element at the path. Resuming reads over the records before the cursor.

    An element inside one that is a record already is part of it. One of text alone becomes an object of its name.
    """
    target = _Target(rules, path_of(rules.path))
    number = 0
    for _ in _fed(stream, target, rules):
        for name, value in target.taken():
            number += 1
            if number > cursor.record:
                yield (value if isinstance(value, dict) else {name: value}), replace(cursor, offset=0, record=number)


def read_xml(body: bytes, rules: XmlRules = PLAIN) -> dict[str, Any]:
    """A whole document that is in memory already, as `{root: …}`. Raises FormatError."""
    target = _Target(rules, None, longest=len(body) * 4 + 1)
    parser = DefusedXMLParser(target=target, encoding=codec(rules.encoding) if rules.encoding else None)
    _feed(parser, body, target)
    _feed(parser, None, target)
    return dict(target.taken())


def path_of(text: str) -> XmlPath | None:
    """Raises FormatError for what leads to no element."""
    if not text:
        return None
    try:
        path = parse_xml_path(text)
    except PathError as error:
        raise FormatError(f"xml.resourcePath: {error.reason}.") from None
    if path.member:
        raise FormatError("xml.resourcePath must lead to elements, not to their text or attributes.")
    return path


@dataclass(slots=True)
class _Frame:
    """An element that is open inside a record. `repeated` are the members that are lists by now."""

    name: str
    members: dict[str, Any]
    text: list[str] = field(default_factory=list)
    repeated: set[str] = field(default_factory=set)


class _Target:
    """What the parser calls: finds the elements at the path and builds their values."""

    def __init__(self, rules: XmlRules, path: XmlPath | None, *, longest: int = LONGEST_RECORD) -> None:
        self.rules, self.path, self.longest = rules, path, longest
        self.outside: list[Element] = []
        self.frames: list[_Frame] = []
        self.skipping = 0
        self.size = 0
        self.records: list[tuple[str, Any]] = []

    def taken(self) -> list[tuple[str, Any]]:
        records, self.records = self.records, []
        return records

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self.outside) + len(self.frames) + self.skipping >= MOST_DEPTH:
            raise FormatError(f"Elements lie more than {MOST_DEPTH} deep.")
        name = _local(tag)
        if self.frames:
            if self.skipping or not self._wants(name):
                self.skipping += 1
                return
            self._count(len(name) + sum(map(len, attributes)) + sum(map(len, attributes.values())))
        else:
            element = (name, {_local(key): value for key, value in attributes.items()})
            self.outside.append(element)
            if self.path is not None and not self.path.matches(self.outside):
                return
            self.outside.pop()
            self.size = 0
        prefix = self.rules.attribute_prefix
        self.frames.append(_Frame(name, {prefix + _local(key): value for key, value in attributes.items()}))

    def data(self, text: str) -> None:
        if self.frames and not self.skipping:
            self._count(len(text))
            self.frames[-1].text.append(text)

    def end(self, tag: str) -> None:
        if self.skipping:
            self.skipping -= 1
        elif not self.frames:
            self.outside.pop()
        else:
            frame = self.frames.pop()
            value = self._value(frame)
            if self.frames:
                self._add(self.frames[-1], frame.name, value)
            else:
                self.records.append((frame.name, value))

    def close(self) -> None:
        """The parser asks at the end."""

    def _wants(self, name: str) -> bool:
        return name not in self.rules.exclude and (not self.rules.include or name in self.rules.include)

    def _value(self, frame: _Frame) -> Any:
        text = "".join(frame.text)
        if self.rules.strip_newlines:
            text = text.replace("\r", "").replace("\n", "")
        if self.rules.trim:
            text = text.strip()
        if not frame.members:
            return text
        if text.strip():
            frame.members[self.rules.text_name] = text
        return frame.members

    def _add(self, parent: _Frame, name: str, value: Any) -> None:
        if name in parent.repeated:
            parent.members[name].append(value)
        elif name in parent.members:
            parent.members[name] = [parent.members[name], value]
            parent.repeated.add(name)
        elif name in self.rules.lists:
            parent.members[name] = [value]
            parent.repeated.add(name)
        else:
            parent.members[name] = value

    def _count(self, size: int) -> None:
        self.size += size
        if self.size > self.longest:
            raise FormatError(f"A record is longer than {self.longest} characters.")


def _fed(stream: Stream, target: _Target, rules: XmlRules) -> Iterator[None]:
    """Comes back after each piece, so that the records in it can be taken."""
    encoding = codec(rules.encoding) if rules.encoding not in ("", "utf8", "utf-8") else ""
    parser = DefusedXMLParser(target=target, encoding="utf-8" if encoding else None)
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace") if encoding else None
    stream.seek(0)
    while piece := stream.read(CHUNK):
        _feed(parser, decoder.decode(piece).encode() if decoder else piece, target)
        yield
    _feed(parser, None, target)
    yield


def _feed(parser: Any, piece: bytes | None, target: _Target) -> None:
    """None: the end. Raises FormatError."""
    try:
        if piece is None:
            parser.close()
        else:
            parser.feed(piece)
    except ParseError as error:
        raise FormatError(f"The text is not XML: {error}.") from None
    except DefusedXmlException as error:
        raise FormatError(f"The XML declares or refers to entities, which are refused: {_named(error)}.") from None
    except (LookupError, ValueError) as error:  # an encoding that nobody knows
        raise FormatError(f"The XML cannot be read: {error}.") from None


def _named(error: DefusedXmlException) -> str:
    return str(getattr(error, "name", "") or getattr(error, "sysid", "") or "external")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
