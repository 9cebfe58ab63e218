"""/api/v1/entities, /api/v1/suggestions, /api/v1/blueprints as a client of the Rely API meets them."""

from base64 import b64encode
from urllib.parse import quote

import pytest

from apps.catalog.models import Entity
from apps.catalog.services import EntityWrite, save_entities
from tests.api import Api

pytestmark = pytest.mark.django_db
PAYMENTS = {"id": "payments", "blueprintId": "service", "title": "Payments"}


@pytest.fixture
def api(owner, blueprints):
    return Api(owner, prefix="/api/v1/")


@pytest.fixture
def many(organization, blueprints):
    def make(*numbers):
        writes = [EntityWrite(id=f"e-{number:03}", blueprint_id="service", title=f"E {number}") for number in numbers]
        save_entities(organization_id=organization.id, actor=None, writes=writes)

    return make


def problems(answer):
    assert answer.status_code == 422, answer.content
    return [(one["loc"], one["type"]) for one in answer.json()["detail"]]


def ids_of(page):
    return [item["id"] for item in page["items"]]


def page_at(api, cursor="", size=3, resource="entities"):
    answer = api.get(f"{resource}?size={size}" + (f"&cursor={cursor}" if cursor else ""))
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_what_is_written_is_read_back(api):
    written = {
        **PAYMENTS, "description": "Money", "isActive": False, "isHidden": True, "properties": {"stars": 3},
        "relations": {"owner": {"value": "ada"}}, "sources": ["github.v1.repository.payments"],
    }  # fmt: skip
    made = api.post("entities", written)
    assert made.status_code == 200
    read = api.get("entities/payments").json()
    assert read == made.json()
    assert {name: read[name] for name in written} == written
    assert isinstance(read["createdBy"], int) and read["createdBy"] == read["updatedBy"]
    assert api.post("entities", written).status_code == 409
    assert api.delete("entities/payments").json() is None
    gone = api.get("entities/payments")
    assert (gone.status_code, gone.json()) == (404, {"detail": "Entity with id payments not found"})


def test_an_upsert_creates_replaces_and_with_patch_merges(api):
    assert api.put("entities/payments", {**PAYMENTS, "properties": {"stars": 1}}).json()["properties"] == {"stars": 1}
    patched = api.put("entities/payments?patch=true", {**PAYMENTS, "properties": {"readme": "x"}}).json()
    assert patched["properties"] == {"stars": 1, "readme": "x"}
    assert api.put("entities/payments", PAYMENTS).json()["properties"] == {}


def test_an_upsert_with_another_id_in_the_body_is_refused_and_writes_nothing(api):
    answer = api.put("entities/other", PAYMENTS)
    assert answer.status_code == 400
    assert answer.json() == {"detail": "The body's id is payments, the path's is other"}
    assert api.put("suggestions/other", {**SUGGESTION, "id": "another"}).status_code == 400
    assert not Entity.objects.exists()


def test_refusals_are_a_list_in_the_words_of_the_api(api):
    assert problems(api.post("entities", {"id": "Not Good", "title": 5, "isActive": "yes", "properties": []})) == [
        (["body", "id"], "value_error.str.regex"),
        (["body", "blueprintId"], "value_error.missing"),
        (["body", "title"], "type_error.str"),
        (["body", "isActive"], "type_error.bool"),
        (["body", "properties"], "type_error.dict"),
    ]
    [first, *_] = api.post("entities", {}).json()["detail"]
    assert first == {"loc": ["body", "id"], "msg": "field required", "type": "value_error.missing"}
    assert problems(api.post("entities", [])) == [(["body"], "type_error.dict")]
    assert problems(api.post("entities", {**PAYMENTS, "title": None})) == [
        (["body", "title"], "type_error.none.not_allowed")
    ]
    assert problems(api.put("entities/Not%20Good", PAYMENTS)) == [(["path", "id_"], "value_error.str.regex")]
    assert problems(api.post("suggestions", {**SUGGESTION, "originType": "person"})) == [
        (["body", "originType"], "type_error.enum")
    ]


def test_what_breaks_the_blueprint_names_the_property(api):
    answer = api.post("entities", {**PAYMENTS, "properties": {"labels": ["a", 1], "stars": "many"}})
    assert problems(answer) == [
        (["body", "properties", "labels", 1], "value_error"),
        (["body", "properties", "stars"], "value_error"),
    ]


def test_an_unknown_blueprint_is_told_in_plain_text(api):
    answer = api.post("entities", {**PAYMENTS, "blueprintId": "team"})
    assert (answer.status_code, answer.json()) == (400, {"detail": "Blueprint with id team not found"})


@pytest.mark.parametrize(
    ("size", "word"),
    [
        ("101", "value_error.number.not_le"),
        ("-1", "value_error.number.not_ge"),
        ("ten", "type_error.integer"),
        ("", "type_error.integer"),
        ("1.5", "type_error.integer"),
    ],
)
def test_a_page_has_at_most_a_hundred_items(api, size, word):
    assert problems(api.get(f"entities?size={size}")) == [(["query", "size"], word)]


@pytest.mark.parametrize(
    "cursor",
    ["x", "%", "AAAA", "é", quote(b64encode(b"gt:zz").decode()), quote(b64encode(b"eq:" + b"0" * 24).decode())],
)
def test_a_cursor_that_nobody_gave_is_told_in_plain_text(api, cursor):
    answer = api.get(f"entities?cursor={quote(cursor)}")
    assert (answer.status_code, answer.json()) == (400, {"detail": "Invalid cursor value"})


def test_a_walk_goes_forth_and_back(api, many):
    many(*range(8))
    first = page_at(api)
    assert (ids_of(first), first["total"], first["previous_page"]) == (["e-000", "e-001", "e-002"], 8, None)
    second = page_at(api, first["next_page"])
    third = page_at(api, second["next_page"])
    assert (ids_of(third), third["next_page"]) == (["e-006", "e-007"], None)
    assert ids_of(page_at(api, third["previous_page"])) == ids_of(second)
    back = page_at(api, page_at(api, third["previous_page"])["previous_page"])
    assert (ids_of(back), back["previous_page"]) == (ids_of(first), None)
    for page in (first, second, third):
        assert ids_of(page_at(api, page["current_page"])) == ids_of(page)
        assert ids_of(page_at(api, page["current_page_backwards"], size=len(page["items"]))) == ids_of(page)
    assert second["current_page_backwards"] != second["previous_page"]


def test_a_cursor_is_good_in_an_address_as_it_is_and_when_a_client_quotes_it_again(api, many):
    many(*range(5))
    cursor = page_at(api)["next_page"]
    assert ids_of(page_at(api, cursor)) == ids_of(page_at(api, quote(cursor))) == ["e-003", "e-004"]


def test_rows_that_come_and_go_during_a_walk_shift_nothing(api, many, organization):
    """Every one of them is either shown once, or was not there throughout."""
    many(*range(0, 40, 2))
    stays = {f"e-{number:03}" for number in range(0, 40, 2)}
    seen, cursor, turn = [], "", 0
    while True:
        page = page_at(api, cursor, size=4)
        seen += ids_of(page)
        # One that was shown goes, the very one that the cursor names goes, one ahead goes, new ones come.
        for gone in (seen[0], seen[-1], f"e-{38 - turn * 2:03}"):
            stays.discard(gone)
            Entity.objects.filter(natural_id=gone).delete()
        if turn < 3:
            many(101 + turn)
        cursor, turn = page["next_page"], turn + 1
        if cursor is None:
            break
    assert len(seen) == len(set(seen))
    assert stays <= set(seen)
    assert {"e-101", "e-102", "e-103"} <= set(seen)


def test_a_page_whose_rows_are_all_gone_leads_back(api, many):
    many(*range(5))
    first = page_at(api)
    Entity.objects.filter(natural_id__in=["e-003", "e-004"]).delete()
    empty = page_at(api, first["next_page"])
    assert (empty["items"], empty["next_page"]) == ([], None)
    assert ids_of(page_at(api, empty["previous_page"])) == ids_of(first)


def test_a_page_of_nothing_ends_a_walk(api, many):
    many(1, 2)
    page = page_at(api, size=0)
    assert (page["items"], page["total"], page["next_page"]) == ([], 2, None)


def test_a_page_costs_the_same_whatever_its_size(api, many, django_assert_max_num_queries):
    many(*range(100))
    api.get("entities")
    with django_assert_max_num_queries(8):
        assert len(page_at(api, size=100)["items"]) == 100


def test_another_organizations_rows_are_not_there(api, stranger, many):
    many(1)
    theirs = Api(stranger, prefix="/api/v1/")
    assert theirs.get("entities/e-001").status_code == 404
    assert theirs.delete("entities/e-001").status_code == 404
    assert theirs.get("blueprints/service").status_code == 404
    assert page_at(theirs)["items"] == []
    assert theirs.post("entities", PAYMENTS).json() == {"detail": "Blueprint with id service not found"}
    cursor = page_at(api, size=0)["current_page"] or page_at(api)["current_page"]
    assert page_at(theirs, cursor)["total"] == 0


def test_a_monitor_reads_and_writes_nothing(api, monitor, many):
    many(1)
    watching = Api(monitor, prefix="/api/v1/")
    assert watching.get("entities/e-001").status_code == 200
    for answer in (
        watching.post("entities", PAYMENTS),
        watching.put("entities/e-001", {**PAYMENTS, "id": "e-001"}),
        watching.delete("entities/e-001"),
        watching.post("suggestions", SUGGESTION),
    ):
        assert answer.status_code == 403
        assert isinstance(answer.json()["detail"], str)


def test_a_blueprint_is_read_by_its_id(api):
    read = api.get("blueprints/service").json()
    assert (read["id"], read["title"], read["isActive"]) == ("service", "Service", True)
    assert read["schemaProperties"]["properties"]["stars"] == {"type": "integer", "minimum": 0}
    assert api.get("blueprints/team").json() == {"detail": "Blueprint with id team not found"}


SUGGESTION = {
    "title": "A service of repo",
    "originType": "automation",
    "originId": "rule",
    "sourceType": "entity",
    "sourceId": "repo",
    "targetType": "entity",
    "targetId": "repo.service",
    "data": {"id": "repo.service", "blueprintId": "service", "title": "Repo", "properties": {"stars": 2}},
}


@pytest.fixture
def repo(save):
    return save("repo", "github.v1.repository")


def test_a_suggestion_is_written_listed_and_filtered(api, repo):
    made = api.post("suggestions", SUGGESTION).json()
    assert {name: made[name] for name in SUGGESTION} == SUGGESTION
    assert (made["ignored"], made["autoApply"], made["lastAppliedAt"]) == (False, False, None)
    other = {**SUGGESTION, "id": "mine", "originId": "other", "ignored": True, "lastAppliedAt": "2026-01-02T03:04:05Z"}
    assert api.post("suggestions", other).json()["lastAppliedAt"] == "2026-01-02T03:04:05.000Z"
    assert ids_of(page_at(api, resource="suggestions")) == [made["id"], "mine"]
    assert ids_of(api.get("suggestions?ignored=true").json()) == ["mine"]
    assert ids_of(api.get("suggestions?ignored=false").json()) == [made["id"]]
    assert ids_of(api.get("suggestions?origin_id=other").json()) == ["mine"]
    assert problems(api.get("suggestions?ignored=perhaps")) == [(["query", "ignored"], "type_error.bool")]
    replaced = api.put("suggestions/mine", {**SUGGESTION, "originId": "other"}).json()
    assert (replaced["ignored"], replaced["lastAppliedAt"], replaced["id"]) == (False, None, "mine")
    assert api.delete("suggestions/mine").status_code == 200
    assert api.get("suggestions/mine").status_code == 404


def test_a_suggestion_names_entities_that_are_there(api, repo, stranger):
    assert problems(api.post("suggestions", {**SUGGESTION, "sourceId": "unknown", "targetIdOverride": "nobody"})) == [
        (["body", "sourceId"], "value_error"),
        (["body", "targetIdOverride"], "value_error"),
    ]
    theirs = Api(stranger, prefix="/api/v1/")
    assert problems(theirs.post("suggestions", SUGGESTION)) == [(["body", "sourceId"], "value_error")]


def test_one_suggestion_for_one_change(api, repo):
    api.post("suggestions", SUGGESTION)
    assert api.post("suggestions", SUGGESTION).status_code == 409
    assert api.put("suggestions/mine", SUGGESTION).status_code == 409


def test_applying_over_the_api_shows_both_states(api, repo):
    id = api.post("suggestions", SUGGESTION).json()["id"]
    preview = api.post(f"suggestions/{id}/apply?dry_run=true", {}).json()
    assert (preview["dryRun"], preview["ignored"], preview["previousState"]) == (True, False, None)
    assert preview["newState"]["properties"] == {"stars": 2}
    assert api.get("entities/repo.service").status_code == 404
    applied = api.post(f"suggestions/{id}/apply", {}).json()
    assert (applied["dryRun"], applied["previousState"]) == (False, None)
    assert applied["newState"] == api.get("entities/repo.service").json()
    assert api.get(f"suggestions/{id}").json()["lastAppliedAt"] is not None
    assert api.post("suggestions/unknown/apply", {}).status_code == 404
    answer = api.post(f"suggestions/{id}/apply", {"targetIdOverride": "nobody"})
    assert (answer.status_code, answer.json()) == (400, {"detail": "Entity with id nobody not found"})
