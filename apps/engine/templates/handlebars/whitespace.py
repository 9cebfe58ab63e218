"""Whitespace control: tildes strip the blanks beside a tag; a block tag or comment alone on a line takes the line.

Stripping looks at the text as written and changes its value, so that neighbours do not see each other's effect.
"""

from collections.abc import Sequence

from apps.engine.templates.handlebars.syntax import Block, Comment, Node, Program, Strip, Text


def settle_whitespace(program: Program) -> None:
    _settle(program, is_root=True)


def _settle(program: Program | None, *, is_root: bool = False) -> None:
    if program is None:
        return
    body = program.body
    for index, node in enumerate(body):
        if isinstance(node, Text):
            continue
        blank_before = _ends_line(body, index, is_root=is_root)
        blank_after = _starts_line(body, index, is_root=is_root)
        if isinstance(node, Block):
            _settle_block(node, body, index, blank_before=blank_before, blank_after=blank_after)
            continue
        _strip_around(body, index, node.strip)
        if isinstance(node, Comment) and blank_before and blank_after:
            _trim_line_after(body, index)
            _trim_line_before(body, index)


def _settle_block(block: Block, body: list[Node], index: int, *, blank_before: bool, blank_after: bool) -> None:
    _settle(block.program)
    _settle(block.inverse)
    first = block.program or block.inverse or Program()
    last = block.inverse if block.program else None
    first_inverse = last
    if last is not None and last.chained and isinstance(chain := last.body[-1], Block):
        first_inverse = chain.program
    opens_line = _starts_line(first.body, -1, is_root=False)
    closes_line = _ends_line((first_inverse or first).body, None, is_root=False)

    if block.open_strip.close:
        _trim_all_after(first.body, -1)
    if first_inverse is not None:
        if block.inverse_strip.open:
            _trim_all_before(first.body, len(first.body))
        if block.inverse_strip.close:
            _trim_all_after(first_inverse.body, -1)
        if block.close_strip.open:
            _trim_all_before(first_inverse.body, len(first_inverse.body))
        if _ends_line(first.body, None, is_root=False) and _starts_line(first_inverse.body, -1, is_root=False):
            _trim_line_before(first.body, len(first.body))
            _trim_line_after(first_inverse.body, -1)
    elif block.close_strip.open:
        _trim_all_before(first.body, len(first.body))

    _strip_around(body, index, Strip(block.open_strip.open, block.close_strip.close))
    if opens_line and blank_before:
        _trim_line_after(first.body, -1)
        _trim_line_before(body, index)
    if closes_line and blank_after:
        _trim_line_after(body, index)
        closing = last or first
        _trim_line_before(closing.body, len(closing.body))


def _strip_around(body: list[Node], index: int, strip: Strip) -> None:
    if strip.close:
        _trim_all_after(body, index)
    if strip.open:
        _trim_all_before(body, index)


def _ends_line(body: Sequence[Node], index: int | None, *, is_root: bool) -> bool:
    """Whether only blanks stand between the previous line's end and this node."""
    index = len(body) if index is None else index
    if index == 0:
        return is_root
    before = body[index - 1]
    if not isinstance(before, Text):
        return False
    blanks = before.original[len(before.original.rstrip()) :]
    return "\n" in blanks or (is_root and index == 1 and blanks == before.original)


def _starts_line(body: Sequence[Node], index: int, *, is_root: bool) -> bool:
    """Whether only blanks stand between this node and its line's end."""
    if index + 1 >= len(body):
        return is_root
    after = body[index + 1]
    if not isinstance(after, Text):
        return False
    blanks = after.original[: len(after.original) - len(after.original.lstrip())]
    return "\n" in blanks or (is_root and index + 2 == len(body) and blanks == after.original)


def _trim_all_after(body: Sequence[Node], index: int) -> None:
    if index + 1 < len(body) and isinstance(node := body[index + 1], Text):
        trimmed = node.value.lstrip()
        node.right_stripped = trimmed != node.value
        node.value = trimmed


def _trim_all_before(body: Sequence[Node], index: int) -> None:
    if index > 0 and isinstance(node := body[index - 1], Text):
        trimmed = node.value.rstrip()
        node.left_stripped = trimmed != node.value
        node.value = trimmed


def _trim_line_after(body: Sequence[Node], index: int) -> None:
    """Drops the rest of the line, its end included."""
    if index + 1 < len(body) and isinstance(node := body[index + 1], Text) and not node.right_stripped:
        trimmed = node.value.lstrip(" \t")
        trimmed = trimmed.removeprefix("\r\n") if trimmed.startswith("\r\n") else trimmed.removeprefix("\n")
        node.right_stripped = trimmed != node.value
        node.value = trimmed


def _trim_line_before(body: Sequence[Node], index: int) -> None:
    """Drops the blanks that indent the node."""
    if index > 0 and isinstance(node := body[index - 1], Text) and not node.left_stripped:
        trimmed = node.value.rstrip(" \t")
        node.left_stripped = trimmed != node.value
        node.value = trimmed
