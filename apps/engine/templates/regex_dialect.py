"""JavaScript patterns in the words of the `regex` library. What is plain text there (`a{x}`, `\\A`) may be syntax here.

The library writes counted repetitions out while compiling, with no limit of its own: `((a{999}){999}){999}` took all
memory. So the size of the written-out pattern is reckoned along the way.
"""

import re

import regex

_MOST_REPEATS = 10_000
_LARGEST = 20_000
_PIECE = re.compile(
    r"\\k<(?P<back>\w+)>|\\u\{(?P<point>[0-9A-Fa-f]{1,6})\}|\\u(?P<four>[0-9A-Fa-f]{4})|\\x(?P<two>[0-9A-Fa-f]{2})"
    r"|\\c(?P<control>[A-Za-z])|\\(?P<property>[pP]\{[\w=]+\})|\\(?P<digit>[1-9]\d{0,2})|\\(?P<escape>.)"
    r"|(?P<group>\((?:\?(?:[:=!]|<[=!]|<[A-Za-z_$][\w$]*>))?)(?!\?)|(?P<odd>\(\?)|(?P<close>\))"
    r"|\{(?P<count>\d+(?:,\d*)?)\}|(?P<repeat>[*+?])|(?P<empty>\[\^?\])|(?P<set>\[\^?)|(?P<character>.)",
    re.DOTALL,
)
_PIECE_OF_SET = re.compile(
    r"\\u\{(?P<point>[0-9A-Fa-f]{1,6})\}|\\u(?P<four>[0-9A-Fa-f]{4})|\\x(?P<two>[0-9A-Fa-f]{2})"
    r"|\\c(?P<control>[A-Za-z])|\\(?P<property>[pP]\{[\w=]+\})|\\(?P<escape>.)|(?P<end>\])|(?P<character>.)",
    re.DOTALL,
)
_ESCAPES = {"d": "[0-9]", "D": "[^0-9]", "w": "[A-Za-z0-9_]", "W": "[^A-Za-z0-9_]", "0": r"\x00"}
_ESCAPES_IN_SET = {"d": "0-9", "w": "A-Za-z0-9_", "0": r"\x00", "b": r"\x08"}
_KEPT = frozenset("bBsSnrtfv")
_KEPT_IN_SET = frozenset("sSDWnrtfv")


def translate(source: str, *, multiline: bool) -> str:
    """Raises ValueError for what JavaScript does not have, or what is too large to compile."""
    return _Translator(source, multiline=multiline).run()


class _Translator:
    """`sizes` holds the written-out size of each open group, `last` that of the thing a repetition would repeat."""

    def __init__(self, source: str, *, multiline: bool) -> None:
        self.source = source
        self.multiline = multiline
        self.out: list[str] = []
        self.sizes = [0]
        self.last = 0
        self.in_set = False
        # 1 after a repetition, which a ? may still make lazy; 2 after that ?.
        self.repeated = 0

    def run(self) -> str:
        at = 0
        while at < len(self.source):
            piece = (_PIECE_OF_SET if self.in_set else _PIECE).match(self.source, at)
            if piece is None:
                raise ValueError("it ends in a backslash")
            kind = str(piece.lastgroup)
            if self.in_set:
                self._in_set(kind, piece[kind])
            else:
                self._outside(kind, piece[kind])
            at = piece.end()
        return "".join(self.out)

    def _in_set(self, kind: str, word: str) -> None:
        if kind == "end":
            self.in_set = False
            self._atom("]")
        elif kind == "escape":
            self.out.append(_ESCAPES_IN_SET.get(word) or (f"\\{word}" if word in _KEPT_IN_SET else _literal(word)))
        elif kind == "character":
            self.out.append("\\" + word if word in "[&|~" else word)
        else:
            self.out.append(_code(kind, word))

    def _outside(self, kind: str, word: str) -> None:
        match kind:
            case "group":
                self.sizes.append(0)
                self.out.append(word)
                self.repeated = 0
            case "close":
                self._close()
            case "odd":
                raise ValueError("a group begins with (?: (?= (?! (?<= (?<! or (?<name>")
            case "repeat" | "count":
                self._repeat(kind, word)
            case "set":
                self.in_set = True
                self.out.append(word)
            case "empty":
                self._atom(r"[\s\S]" if "^" in word else r"(?!)")
            case "back":
                self._atom(f"(?P={word})")
            case "digit":
                self._atom(f"(?:\\{word})")
            case "escape":
                self._atom(_ESCAPES.get(word) or (f"\\{word}" if word in _KEPT else _literal(word)))
            case "character":
                self._atom(self._character(word))
            case _:
                self._atom(_code(kind, word))

    def _character(self, word: str) -> str:
        if word == "$":
            return r"(?=\n|\Z)" if self.multiline else r"\Z"
        return f"\\{word}" if word in "{}" else word

    def _atom(self, text: str) -> None:
        self.out.append(text)
        self.last = 1
        self.repeated = 0
        self._grow(1)

    def _close(self) -> None:
        self.out.append(")")
        self.repeated = 0
        if len(self.sizes) > 1:
            self.last = self.sizes.pop()
            self._grow(self.last)

    def _repeat(self, kind: str, word: str) -> None:
        if self.repeated and (word != "?" or self.repeated > 1):
            raise ValueError("nothing to repeat")
        self.repeated = self.repeated + 1 if self.repeated else 1
        if kind == "repeat":
            self.out.append(word)
            return
        least, _, most = word.partition(",")
        if max(len(least), len(most)) > 5 or int(most or least) > _MOST_REPEATS or int(least) > _MOST_REPEATS:
            raise ValueError(f"a repetition is at most {_MOST_REPEATS}")
        self.out.append(f"{{{word}}}")
        self._grow(self.last * max(int(least) - 1, 0))

    def _grow(self, size: int) -> None:
        self.sizes[-1] += size
        if self.sizes[-1] > _LARGEST:
            raise ValueError(f"with its repetitions written out it is longer than {_LARGEST}")


def _code(kind: str, word: str) -> str:
    match kind:
        case "control":
            return f"\\x{ord(word) % 32:02x}"
        case "property":
            return "\\" + word
    number = int(word, 16)
    return _literal(chr(number) if number <= 0x10FFFF else "\ufffd")


def _literal(character: str) -> str:
    if character.isalnum() or character == "_":
        return character
    return str(regex.escape(character, special_only=False))
