"""Lists are bare arrays, walked by Link; fields are chosen by include or exclude."""

import pytest

from tests.api import Api, codes_of, fields_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(owner):
    found = Api(owner)
    for number in range(5):
        found.post("/v1/integrations", {"name": f"i{number}", "settings": {"a": number, "b": 2}, "readme": "r"})
    return found


def names(answer):
    return [row["name"] for row in answer.json()]


def test_links_walk_the_list_without_gap_or_repeat(api):
    seen, address, steps = [], "/v1/integrations?limit=2", 0
    while address:
        answer = api.get(address)
        seen += names(answer)
        link, steps = answer.get("Link", ""), steps + 1
        address = link.split(">")[0].removeprefix("<http://testserver") if link else ""
        if steps == 1:
            assert link.endswith('; rel="next"')
            assert "limit=2" in link
    assert seen == ["i0", "i1", "i2", "i3", "i4"]
    assert steps == 3


def test_a_page_that_is_just_full_has_no_next(api):
    assert "Link" not in api.get("/v1/integrations?limit=5")


def test_links_carry_the_public_address_where_one_is_set(api, settings):
    settings.PUBLIC_URL = "https://junction.example"
    assert api.get("/v1/integrations?limit=1")["Link"].startswith("<https://junction.example/v1/integrations?")


def test_a_row_deleted_between_pages_does_not_end_the_walk(api):
    first = api.get("/v1/integrations?limit=2")
    api.delete(f"/v1/integrations/{first.json()[1]['_id']}")
    address = first["Link"].split(">")[0].removeprefix("<http://testserver")
    assert names(api.get(address)) == ["i2", "i3"]


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "1.5", "٣", "9" * 400])
def test_a_limit_is_1_to_1000(api, limit):
    answer = api.get(f"/v1/integrations?limit={limit}")
    assert answer.status_code == 400
    assert (codes_of(answer), fields_of(answer)) == (["invalid_query_params"], ["limit"])


def test_include_gives_the_short_form_and_what_it_names(api):
    row = api.get("/v1/integrations?include=settings.a,readme").json()[0]
    assert set(row) == {"_id", "name", "createdAt", "lastModified", "settings", "readme"}
    assert row["settings"] == {"a": 0}


def test_exclude_drops_fields_but_not_what_makes_a_row_one(api):
    row = api.get("/v1/integrations?exclude=settings.a,readme,_id").json()[0]
    assert set(row) == set(api.get("/v1/integrations").json()[0]) - {"readme"}
    assert row["settings"] == {"b": 2}


@pytest.mark.parametrize("query", ["include=a&exclude=b", "include=a b", "exclude=a$", "after=zzz"])
def test_contradictions_and_nonsense_are_400(api, query):
    answer = api.get(f"/v1/integrations?{query}")
    assert answer.status_code == 400
    assert codes_of(answer) == ["invalid_query_params"]
