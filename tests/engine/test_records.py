import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.engine.records import (
    PageCutter,
    group_records,
    merge_children,
    sort_records,
    split_children,
    table_rows,
)


def test_sorting_puts_nothing_first_then_numbers_then_text_and_is_stable() -> None:
    records = [
        {"k": "b", "i": 0},
        {"k": "10", "i": 1},
        {"i": 2},
        {"k": 9, "i": 3},
        {"k": "a", "i": 4},
        {"k": "10", "i": 5},
    ]
    ascending = sort_records(records, [{"field": "k"}])
    assert [r["i"] for r in ascending] == [2, 3, 1, 5, 4, 0]
    descending = sort_records(records, [{"field": "k", "descending": True}])
    assert [r["i"] for r in descending] == [0, 4, 1, 5, 3, 2]
    assert [r["i"] for r in sort_records(records, [{"field": "none"}, {"field": "i", "descending": True}])] == [
        5,
        4,
        3,
        2,
        1,
        0,
    ]


def test_groups_are_runs_of_equal_neighbours() -> None:
    rows = [{"a": 1, "n": 0}, {"a": 1, "n": 1}, {"a": 2, "n": 2}, {"a": 1, "n": 3}]
    assert [[r["n"] for r in group] for group in group_records(rows, ["a"])] == [[0, 1], [2], [3]]


def test_rows_with_an_empty_key_stand_alone_unless_asked_for() -> None:
    rows: list[dict[str, Any]] = [{"a": None}, {"a": ""}, {}, {"a": None}]
    assert len(group_records(rows, ["a"])) == 4
    assert [len(group) for group in group_records(rows, ["a"], group_empty=True)] == [1, 1, 2]


def test_a_number_and_its_text_are_different_keys() -> None:
    assert len(group_records([{"a": 1}, {"a": "1"}], ["a"])) == 2


def test_pages_are_full_and_the_rest_is_carried() -> None:
    cutter = PageCutter(3)
    first = cutter.cut([1, 2, 3, 4])
    assert first.pages == [[1, 2, 3]] and first.carry is not None
    second = cutter.cut([5, 6, 7], json.loads(json.dumps(first.carry)))
    assert second.pages == [[4, 5, 6]]
    assert cutter.cut([], second.carry, last=True).pages == [[7]]
    assert cutter.cut([], None, last=True).pages == []


def test_a_group_stays_open_until_its_key_ends() -> None:
    cutter = PageCutter(1, group_by=["k"])
    first = cutter.cut([{"k": 1, "n": 1}])
    assert first.pages == []
    second = cutter.cut([{"k": 1, "n": 2}, {"k": 2, "n": 3}], first.carry)
    assert second.pages == [[[{"k": 1, "n": 1}, {"k": 1, "n": 2}]]]
    assert cutter.cut([], second.carry, last=True).pages == [[[{"k": 2, "n": 3}]]]


def test_a_page_ends_early_at_its_bytes_and_one_giant_goes_alone() -> None:
    cutter = PageCutter(10, max_bytes=100)
    records = ["x" * 40, "y" * 40, "z" * 40, "G" * 500, "a"]
    pages = cutter.cut(records, last=True).pages
    assert pages == [["x" * 40, "y" * 40], ["z" * 40], ["G" * 500], ["a"]]
    assert all(len(json.dumps(page, separators=(",", ":"))) <= 100 for page in pages if page != ["G" * 500])


@pytest.mark.parametrize("size", [0, -1])
def test_an_empty_page_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError):
        PageCutter(size)


ROWS = st.lists(
    st.fixed_dictionaries({"k": st.sampled_from([1, 2, None]), "t": st.text("ab", max_size=30)}), max_size=40
)


@given(ROWS, st.lists(st.integers(0, 10), max_size=8), st.integers(1, 7), st.integers(20, 200), st.booleans())
def test_no_record_is_lost_doubled_or_moved(
    rows: list[dict[str, Any]], chunks: list[int], page_size: int, max_bytes: int, grouped: bool
) -> None:
    rows = [{**row, "n": n} for n, row in enumerate(rows)]
    cutter = PageCutter(page_size, max_bytes=max_bytes, group_by=["k"] if grouped else None)
    pages: list[list[Any]] = []
    carry: dict[str, Any] | None = None
    position = 0
    for size in chunks:
        cut = cutter.cut(rows[position : position + size], carry)
        pages += cut.pages
        carry = None if cut.carry is None else json.loads(json.dumps(cut.carry))
        position += size
    pages += cutter.cut(rows[position:], carry, last=True).pages
    assert all(1 <= len(page) <= page_size for page in pages)
    flat = [record for page in pages for record in page]
    if grouped:
        assert flat == group_records(rows, ["k"])
    else:
        assert flat == rows
        assert all(len(json.dumps(p, separators=(",", ":"))) <= max_bytes for p in pages if len(p) > 1)


ORDER = {"id": 1, "who": {"n": "Ann"}, "deep": {"lines": [{"sku": "p"}, {"sku": "q"}], "k": 2}}


def test_children_see_their_parent_without_its_list() -> None:
    before = copy.deepcopy(ORDER)
    children = split_children(ORDER, "deep.lines")
    parent = {"id": 1, "who": {"n": "Ann"}, "deep": {"k": 2}}
    assert children == [{"sku": "p", "_PARENT": parent}, {"sku": "q", "_PARENT": parent}]
    assert before == ORDER


def test_children_go_back_where_they_were() -> None:
    children: list[Any] = split_children(ORDER, "deep.lines")
    children[0] = {**children[0], "id": "new"}
    children[1] = None
    merged = merge_children(ORDER, "deep.lines", children)
    assert merged == {**ORDER, "deep": {"lines": [{"sku": "p", "id": "new"}, {"sku": "q"}], "k": 2}}
    assert "id" not in ORDER["deep"]["lines"][0]  # type: ignore[index]


def test_without_the_list_the_parent_is_the_only_child() -> None:
    assert split_children({"id": 1}, "lines") == [{"_PARENT": {"id": 1}}]
    assert merge_children({"id": 1}, "lines", [{"_PARENT": {}, "got": 2}]) == {"id": 1, "got": 2}
    assert split_children({"id": 1, "lines": []}, "lines") == []


def test_scalars_and_single_objects_are_children_too() -> None:
    record = {"tags": ["a", "b"], "one": {"x": 1}}
    children = split_children(record, "tags")
    assert [child["value"] for child in children] == ["a", "b"]
    assert merge_children(record, "tags", [{**children[0], "ok": 1}, children[1]])["tags"] == [
        {"value": "a", "ok": 1},
        "b",
    ]
    assert split_children(record, "one") == [{"x": 1, "_PARENT": {"tags": ["a", "b"]}}]
    assert merge_children(record, "one", [{"x": 2, "_PARENT": {}}])["one"] == {"x": 2}


def test_a_record_that_is_a_list_is_several_rows() -> None:
    records: list[Any] = [{"id": 1}, [{"id": 2}, [{"id": 3}, 4]], [], "five"]
    assert list(table_rows(iter(records))) == [{"id": 1}, {"id": 2}, {"id": 3}, {"value": 4}, {"value": "five"}]
