import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from apps.engine.errors import DocumentError
from apps.engine.paging import Pager, PagingLoopError, compile_paging

BASE = "https://api.example.com"


def pager(method: str, **more: Any) -> Pager:
    return compile_paging({"method": "GET", "relativeURI": "/items", "paging": {"method": method, **more}})


def step(
    pager: Pager,
    state: dict[str, Any],
    *,
    body: Any = None,
    records: list[Any] | None = None,
    status: int = 200,
    headers: dict[str, str] | None = None,
    url: str | None = None,
) -> dict[str, Any] | None:
    before = json.dumps(state)
    following = pager.advance(
        state,
        status=status,
        headers=headers or {},
        body=body,
        records=[1, 2] if records is None else records,
        url=url or f"{BASE}/items?request={state['request']}",
    )
    assert json.dumps(state) == before
    return None if following is None else json.loads(json.dumps(following))


def paging_of(pager: Pager, state: dict[str, Any] | None) -> dict[str, Any]:
    assert state is not None
    scope: dict[str, Any] = pager.request_scope(state)["export"]["http"]["paging"]
    return scope


def test_without_paging_one_request_is_all() -> None:
    for document in (None, {}, {"paging": None}, {"paging": {}}):
        single = compile_paging(document)
        assert step(single, single.first()) is None


def test_pages_count_from_zero_or_from_where_they_are_told() -> None:
    for start, more in ((0, {}), (1, {"page": 1}), (3, {"page": "3"})):
        source = pager("page", **more)
        state = source.first()
        assert paging_of(source, state)["page"] == start
        assert paging_of(source, step(source, state))["page"] == start + 1


def test_skip_grows_by_what_came() -> None:
    source = pager("skip", skip=10)
    state = source.first()
    assert paging_of(source, state)["skip"] == 10
    state = step(source, state, records=[1, 2, 3])
    assert paging_of(source, state)["skip"] == 13


@pytest.mark.parametrize("method", ["page", "skip", "relativeuri", "body"])
def test_no_records_end_it(method: str) -> None:
    source = pager(method, relativeURI="/more", body="{}")
    assert step(source, source.first(), records=[]) is None


def test_a_status_ends_it_and_on_the_first_request_only_when_asked_for() -> None:
    plain, asked = pager("page"), pager("page", lastPageStatusCode=410)
    second = step(plain, plain.first())
    assert second is not None
    assert step(plain, second, status=404) is None
    assert step(asked, asked.first(), status=410) is None
    assert plain.ends_with(404, second) and not plain.ends_with(404, plain.first())
    assert asked.ends_with(410, asked.first()) and not asked.ends_with(404, second)
    assert not Pager().ends_with(404, second)


@pytest.mark.parametrize(
    ("values", "told", "ends"),
    [
        (["true"], True, True), (["true"], False, False), (["0"], 0, True), (["done", "1"], "done", True),
        (None, True, True), (None, False, False), (None, None, False), (None, "x", True),
    ],
)  # fmt: skip
def test_the_last_page_is_told_by_a_value(values: list[str] | None, told: Any, ends: bool) -> None:
    source = pager("page", lastPagePath="meta.last", **({"lastPageValues": values} if values else {}))
    assert (step(source, source.first(), body={"meta": {"last": told}}) is None) is ends


def pages_walked(source: Pager, totals: list[Any], name: str) -> int:
    state: dict[str, Any] | None = source.first()
    for number, total in enumerate(totals, 1):
        assert state is not None
        state = step(source, state, body={name: total})
        if state is None:
            return number
    return -1


@pytest.mark.parametrize(("start", "walked"), [(0, 3), (1, 3)])
def test_a_page_total_ends_it_whichever_number_is_first(start: int, walked: int) -> None:
    assert pages_walked(pager("page", page=start, maxPagePath="pages"), [3] * 9, "pages") == walked


def test_a_record_total_ends_it() -> None:
    assert pages_walked(pager("page", maxCountPath="count"), ["5"] * 9, "count") == 3
    assert pages_walked(pager("skip", maxCountPath="count"), [4] * 9, "count") == 2
    assert pages_walked(pager("skip", skip=2, maxCountPath="count"), [6] * 9, "count") == 2


def test_a_total_that_changes_never_loses_a_page() -> None:
    assert pages_walked(pager("page", page=1, maxPagePath="pages"), [3, 4, 4, 4, 4], "pages") == 4
    assert pages_walked(pager("page", page=1, maxPagePath="pages"), [4, 2, 2, 2, 2], "pages") == 4
    assert pages_walked(pager("page", page=1, maxPagePath="pages"), [0, None, "x", 4, 4], "pages") == 4


@pytest.mark.parametrize(("start", "ahead"), [(0, [2, 3]), (1, [3, 4])])
def test_a_told_total_tells_the_requests_to_come(start: int, ahead: list[int]) -> None:
    source = pager("page", page=start, maxPagePath="pages")
    assert source.foreseen(source.first(), most=9) == []
    second = step(source, source.first(), body={"pages": 4})
    assert second is not None
    assert [paging_of(source, state)["page"] for state in source.foreseen(second, most=9)] == ahead
    assert [paging_of(source, state)["page"] for state in source.foreseen(second, most=1)] == ahead[:1]


def test_a_told_count_tells_the_starts_to_come() -> None:
    source = pager("skip", maxCountPath="count")
    second = step(source, source.first(), body={"count": 7})
    assert second is not None
    assert [paging_of(source, state)["skip"] for state in source.foreseen(second, most=9)] == [4, 6]


def test_what_depends_on_an_answer_is_not_foreseen() -> None:
    named = {"relativeURI": "/items?after={{previous_page.last_record.id}}"}
    dependent = pager("page", page=1, maxPagePath="pages", **named)
    tokens = pager("token", path="next")
    for source in (dependent, tokens, pager("page", page=1)):
        second = step(source, source.first(), body={"pages": 4, "next": "t"}, records=[{"id": 1}])
        assert second is not None
        assert source.foreseen(second, most=9) == []


def test_totals_are_for_page_and_skip_only() -> None:
    source = pager("token", path="next", maxCountPath="count")
    assert step(source, source.first(), body={"next": "t", "count": 1}) is not None


def test_a_token_leads_on_until_there_is_none() -> None:
    source = pager("token", path="meta.next", pathAfterFirstRequest="next", relativeURI="/more")
    state = source.first()
    assert paging_of(source, state)["token"] == ""
    assert source.relative_uri_of(state) is None
    state = step(source, state, body={"meta": {"next": 17}})
    assert state is not None
    assert paging_of(source, state)["token"] == "17"
    assert source.relative_uri_of(state) == "/more"
    state = step(source, state, body={"next": "b"})
    assert paging_of(source, state)["token"] == "b"
    for nothing in (None, "", False, [], {}):
        assert state is not None and step(source, state, body={"next": nothing}) is None


def test_a_token_may_stand_in_a_header() -> None:
    source = pager("token", path="X-Next", pathLocation="header", token="start")
    assert paging_of(source, source.first())["token"] == "start"
    assert paging_of(source, step(source, source.first(), headers={"x-NEXT": "t2"}))["token"] == "t2"


def test_an_address_in_the_answer_is_the_next_request() -> None:
    source = pager("url", path="next")
    assert source.address_of(source.first()) is None
    state = step(source, source.first(), body={"next": "/items?p=2"})
    assert state is not None and source.address_of(state) == "/items?p=2"
    assert step(source, state, body={}) is None


@pytest.mark.parametrize(
    ("header", "relation", "address"),
    [
        (f'<{BASE}/items?p=2>; rel="next", <{BASE}/items?p=9>; rel="last"', "next", f"{BASE}/items?p=2"),
        ('</items?p=1>; rel=prev, </items?p=3>; rel=next; title="a, b; c"', "next", f"{BASE}/items?p=3"),
        ("<?p=2>; rel=\"prefetch NEXT\"", "next", f"{BASE}/items?p=2"),
        ("<?p=2>; rel=next", "more", None),
        ("<?p=2>; rel=\"more\"", "more", f"{BASE}/items?p=2"),
        ("<?p=2>; title=\"rel=next\"", "next", None),
        ("nonsense", "next", None),
        ("", "next", None),
    ],
)  # fmt: skip
def test_a_link_header_names_the_next_request(header: str, relation: str, address: str | None) -> None:
    source = pager("linkheader", linkHeaderRelation=relation)
    state = step(source, source.first(), headers={"Link": header}, url=f"{BASE}/items")
    assert (None if state is None else source.address_of(state)) == address


def test_templates_of_later_pages_see_the_part_of_the_answer_they_name() -> None:
    source = pager("relativeuri", relativeURI="/items?after={{previous_page.last_record.id}}")
    state = step(source, source.first(), body={"big": 1}, records=[{"id": 1}, {"id": 2}])
    assert state is not None
    assert source.request_scope(state)["previous_page"] == {"last_record": {"id": 2}}
    assert source.relative_uri_of(state) == "/items?after={{previous_page.last_record.id}}"
    body = pager("body", body='{"c": "{{previous_page.full_response.c}}", "h": "{{previous_page.headers.x-h}}"}')
    state = step(body, body.first(), body={"c": 5}, headers={"X-H": "1"})
    assert state is not None
    assert body.request_scope(state)["previous_page"] == {"full_response": {"c": 5}, "headers": {"x-h": "1"}}
    assert body.body_of(state) is not None and body.body_of(body.first()) is None
    assert body.resource_path_of(state) is None
    whole = pager("body", body="{{{jsonSerialize previous_page}}}")
    state = step(whole, whole.first(), body={"c": 5})
    assert state is not None and len(whole.request_scope(state)["previous_page"]) == 3


def test_later_pages_may_hold_their_records_elsewhere() -> None:
    source = pager("token", path="next", resourcePath="later.items")
    assert source.resource_path_of(source.first()) is None
    state = step(source, source.first(), body={"next": "x"})
    assert state is not None and source.resource_path_of(state) == "later.items"


@pytest.mark.parametrize("length", [1, 2, 63, 300])
def test_going_round_in_circles_is_noticed_and_the_state_stays_small(length: int) -> None:
    source = pager("url", path="next")
    state: dict[str, Any] | None = source.first()
    number = 0
    with pytest.raises(PagingLoopError, match="sent before"):
        for number in range(4_000):
            assert state is not None
            address = f"/items?p={(number + 1) % length}"
            state = source.advance(
                state,
                status=200,
                headers={},
                body={"next": address},
                records=[1],
                url=f"{BASE}/items?p={number % length}",
            )
    assert number < 4 * max(length, 64)
    assert state is not None and len(json.dumps(state)) < 5_000
    if length < 64:
        assert number == length


def test_the_caller_may_name_all_that_was_sent() -> None:
    source = pager("body", body="{{previous_page.last_record}}")
    state = source.first()
    for sent in ("a", "b", "c"):
        following = source.advance(state, status=200, headers={}, body={}, records=[1], url=BASE, request=sent)
        assert following is not None
        state = following
    with pytest.raises(PagingLoopError):
        source.advance(state, status=200, headers={}, body={}, records=[1], url=BASE, request="a")


@pytest.mark.parametrize(
    ("paging", "path"),
    [
        ({"method": "pages"}, "http.paging.method"),
        ({"page": 1}, "http.paging.method"),
        ({"method": "token"}, "http.paging.path"),
        ({"method": "url"}, "http.paging.path"),
        ({"method": "relativeuri"}, "http.paging.relativeURI"),
        ({"method": "body"}, "http.paging.body"),
        ({"method": "page", "page": -1}, "http.paging.page"),
        ({"method": "page", "page": True}, "http.paging.page"),
        ({"method": "page", "maxPagePath": "a..b"}, "http.paging.maxPagePath"),
        ({"method": "page", "lastPageValues": "x"}, "http.paging.lastPageValues"),
        ({"method": "token", "path": "a", "pathLocation": "cookie"}, "http.paging.pathLocation"),
        ([], "http.paging"),
    ],
)  # fmt: skip
def test_wrong_paging_is_refused_where_it_stands(paging: Any, path: str) -> None:
    if paging == []:
        paging = [1]
    with pytest.raises(DocumentError) as caught:
        compile_paging({"paging": paging})
    assert caught.value.path == path


def test_a_whole_source_is_read_once_whatever_its_page_size() -> None:
    items = list(range(57))
    for limit in (1, 7, 20, 57, 100):
        source = pager("skip", maxCountPath="total")
        state: dict[str, Any] | None = source.first()
        read: list[int] = []
        while state is not None:
            url = f"{BASE}/items?skip={paging_of(source, state)['skip']}"
            start = int(parse_qs(urlsplit(url).query)["skip"][0])
            records = items[start : start + limit]
            read += records
            state = step(source, state, body={"total": len(items)}, records=records, url=url)
        assert read == items
