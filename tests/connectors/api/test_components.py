"""Components over the API: three ways of naming one, versions of their own, what is published stays."""

import pytest

from apps.connectors.models import Component, ComponentVersion
from apps.core.ids import hex24, parse_id
from tests.contracts.interactor_connectors import COMPONENTS

PROGRAM = {"execute": {"steps": [{"set": {"a": 1}}], "output": "{{ vars.a }}"}}
KINDS = sorted(COMPONENTS)
VIRTUAL = {"datatype": "datatypeId", "event": "eventId", "trigger": "triggerId", "condition": "condition_id"}


def make(crm, kind, **body):
    """The component as it is shown."""
    made = crm.post(f"/crm/{kind}", {**COMPONENTS[kind], **body})
    return crm.get(f"/crm/{kind}/{made['id']}")


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_found_by_its_row_its_virtual_id_and_its_name(crm, kind):
    shown = make(crm, kind)
    virtual = shown[VIRTUAL.get(kind, "componentId")]
    assert virtual != shown["id"]
    for text in (shown["id"], virtual, shown["name"], hex24(parse_id(shown["id"]))):
        assert crm.get(f"/crm/{kind}/{text}") == shown
    assert crm.get(f"/crm/{kind}") == [shown]
    assert "not found" in crm.get(f"/crm/{kind}/9.9", status=404)["error"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_shown_may_be_written_back_whole(crm, kind):
    shown = make(crm, kind)
    crm.put(f"/crm/{kind}/{shown['id']}", shown, version="1.0.0")
    again = crm.get(f"/crm/{kind}/{shown['id']}")
    assert {**again, "updatedAt": 0} == {**shown, "updatedAt": 0}
    assert ComponentVersion.objects.count() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_logic_and_schemas_come_back_untouched(crm, kind):
    shown = make(crm, kind)
    for member in ("logic", "schema", "label"):
        assert shown.get(member) == COMPONENTS[kind].get(member, shown.get(member))


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_is_taken_once_in_its_kind(crm, kind):
    make(crm, kind)
    assert "already" in crm.post(f"/crm/{kind}", COMPONENTS[kind], status=409)["error"]
    other = make(crm, kind, name="other")
    body = {"name": COMPONENTS[kind]["name"]}
    assert "already" in crm.put(f"/crm/{kind}/{other['id']}", body, status=409, version="1.0.0")["error"]
    assert crm.get(f"/crm/{kind}/other") == other


@pytest.mark.parametrize(
    ("kind", "published"),
    [(kind, kind in ("action", "variable", "trigger", "datatype")) for kind in KINDS],
)
def test_a_kind_starts_published_or_not_unless_the_body_says_otherwise(crm, kind, published):
    assert make(crm, kind)["published"] is published
    assert make(crm, kind, name="said", published=not published)["published"] is not published


def test_a_new_version_is_a_copy_and_the_old_one_stays(crm):
    first = make(crm, "action")
    assert crm.put("/crm/action/email.draft.create", {"logic": PROGRAM, "tag": None}, version="minor") == ""
    newest = crm.get("/crm/action/email.draft.create")
    assert newest["id"] != first["id"]
    assert (newest["logic"], newest["schema"], newest["tag"]) == (PROGRAM, first["schema"], None)
    assert crm.get(f"/crm/action/{first['id']}") == first
    assert crm.get(f"/crm/action/{first['componentId']}") == newest
    assert [row["id"] for row in crm.get("/crm/action")] == [newest["id"]]
    names = list(ComponentVersion.objects.order_by("number").values_list("name", flat=True))
    assert names == ["1.0.0", "1.1.0"]


@pytest.mark.parametrize(
    ("wishes", "names"),
    [
        (["major"], ["1.0.0", "2.0.0"]),
        (["2", "minor"], ["1.0.0", "2.0.0", "2.1.0"]),
        (["2", "1.5", "minor"], ["1.0.0", "2.0.0", "1.5.0", "2.1.0"]),
        (["beta"], ["1.0.0", "beta"]),
    ],
)
def test_versions_are_named_or_counted(crm, wishes, names):
    make(crm, "datatype")
    for wish in wishes:
        crm.put("/crm/datatype/contact+list@crm", {}, version=wish)
    assert list(ComponentVersion.objects.order_by("number").values_list("name", flat=True)) == names


def test_an_existing_version_is_edited_while_it_is_a_draft(crm):
    make(crm, "variable", published=False)
    shown = crm.put("/crm/variable/region", {"config": {"value": "us"}}, version="1")
    assert shown["config"] == {"value": "us"}
    assert shown["required"] is True
    crm.put("/crm/variable/region", {"published": True}, version="1.0.0")
    assert "is published" in crm.put("/crm/variable/region", {"config": {}}, status=409, version="1")["error"]


def test_a_draft_is_what_a_name_means_only_while_nothing_is_published(crm):
    make(crm, "action")
    crm.put("/crm/action/email.draft.create", {"logic": PROGRAM, "published": False}, version="2")
    assert crm.get("/crm/action/email.draft.create")["logic"] != PROGRAM
    crm.put("/crm/action/email.draft.create", {"published": True}, version="2")
    assert crm.get("/crm/action/email.draft.create")["logic"] == PROGRAM


def test_a_renaming_reaches_all_versions_published_or_not(crm):
    first = make(crm, "action")
    crm.put(f"/crm/action/{first['id']}", {"name": "email.draft"}, version="1.0.0")
    assert crm.get("/crm/action/email.draft")["id"] == first["id"]
    crm.get("/crm/action/email.draft.create", status=404)


@pytest.mark.parametrize("kind", ["datatype", "variable", "action"])
def test_updates_of_versioned_kinds_say_which_version(crm, kind):
    shown = make(crm, kind)
    path = f"/crm/{kind}/{shown['id']}"
    assert "version" in crm.put(path, {}, status=400)["error"]
    for wish in ("", " ", "x" * 51):
        assert "version" in crm.put(path, {}, status=422, version=wish)["error"]


@pytest.mark.parametrize("kind", ["event", "function", "condition"])
def test_a_draft_of_the_others_is_edited_in_place(crm, kind):
    shown = make(crm, kind)
    changed = {"logic": {}, "name": "changed"}
    crm.put(f"/crm/{kind}/{shown['id']}", changed)
    again = crm.get(f"/crm/{kind}/changed")
    assert (again["id"], again["logic"]) == (shown["id"], {})


def test_a_published_trigger_takes_a_new_version_by_its_virtual_id(crm):
    first = make(crm, "trigger")
    assert "is published" in crm.put("/crm/trigger/email.sent", {"logic": {}}, status=409)["error"]
    second = crm.post("/crm/trigger", {"triggerId": first["triggerId"], "logic": {}})
    assert second["triggerId"] == first["triggerId"]
    assert (second["name"], second["logic"], second["schema"]) == ("email.sent", {}, first["schema"])
    assert crm.get("/crm/trigger/email.sent") == second
    third = crm.put("/crm/trigger/email.sent", {"label": {"en": "3"}}, version="minor")
    assert third["id"] not in (first["id"], second["id"])


def test_a_trigger_and_an_event_keep_a_virtual_id_of_the_callers(crm):
    chosen = "62d4cdc8-8e99-40f9-a6de-851cc377463e"
    assert crm.post("/crm/trigger", {"name": "t", "triggerId": chosen})["triggerId"] == chosen
    assert "taken" in crm.post("/crm/event", {"name": "e", "eventId": chosen}, status=409)["error"]
    assert "triggerId" in crm.post("/crm/trigger", {"triggerId": "a@b"}, status=422)["error"]


@pytest.mark.parametrize("kind", ["action", "condition", "event"])
def test_an_id_of_the_callers_is_the_rows(crm, kind):
    chosen = "bfd3b7c6-23e2-493f-a934-b61287b19e57"
    assert crm.post(f"/crm/{kind}", {"id": chosen, "name": "mine"})["id"] == chosen
    assert crm.get(f"/crm/{kind}/{chosen}")["name"] == "mine"


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_id_deletes_its_version_a_name_all(crm, kind):
    shown = make(crm, kind)
    crm.put(f"/crm/{kind}/{shown['id']}", {}, version="minor")
    assert ComponentVersion.objects.count() == 2
    crm.delete(f"/crm/{kind}/{shown['id']}")
    assert ComponentVersion.objects.count() == 1
    assert crm.delete(f"/crm/{kind}/{shown['name']}") == ({} if kind == "variable" else "")
    assert not Component.objects.exists()


@pytest.mark.parametrize("kind", ["datatype", "variable", "action", "function"])
def test_some_deletes_need_no_user(crm, kind):
    shown = make(crm, kind)
    assert crm.api.delete(f"/v1/connector/crm/{kind}/{shown['id']}").status_code == 200


@pytest.mark.parametrize("kind", ["event", "trigger", "condition"])
def test_other_deletes_need_one(crm, kind):
    shown = make(crm, kind)
    assert crm.api.delete(f"/v1/connector/crm/{kind}/{shown['id']}").status_code == 400


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"action"}))
def test_what_has_no_name_is_given_one(crm, kind):
    made = crm.post(f"/crm/{kind}", {})
    assert crm.get(f"/crm/{kind}/{made['id']}")["name"].startswith(f"{kind}-")


def test_an_action_needs_a_name(crm):
    assert crm.post("/crm/action", {}, status=400)["error"] == "name is required."


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        ("action", {"logic": {"trigger": {"output": 1}}}, "logic.trigger"),
        ("action", {"logic": {"execute": {"steps": [{"request": {"url": "/", "method": "BREW"}}]}}}, "logic.execute"),
        ("action", {"logic": {"execute": {}}}, "logic.execute"),
        ("action", {"tag": [1]}, "tag[0]"),
        ("trigger", {"logic": {"create": {"output": "{{"}}}, "logic.create.output"),
        ("event", {"logic": {"execute": {"output": 1}}}, "logic.execute"),
        ("event", {"type": "other"}, "type"),
        ("event", {"config": []}, "config"),
        ("function", {"logic": {"execute": {"language": "python", "source": ""}}}, "logic.execute.language"),
        ("condition", {"logic": {"execute": {"steps": 5}}}, "logic.execute.steps"),
        ("datatype", {"schema": {"variables": {"type": 5}}}, "schema.variables.type"),
        ("datatype", {"schema": {"variables": [{"type": "string"}]}}, "schema.variables[0]"),
        ("variable", {"schema": {"output": {"$ref": "http://x.example"}}}, "schema.output.$ref"),
        ("variable", {"required": "yes"}, "required"),
        ("function", {"argument": 5}, "argument"),
        ("trigger", {"published": 1}, "published"),
        ("condition", {"name": "x" * 151}, "name"),
    ],
)
def test_what_cannot_run_is_refused_by_its_path(crm, kind, body, field):
    assert field in crm.post(f"/crm/{kind}", {"name": "bad", **body}, status=422)["error"]
    assert crm.get(f"/crm/{kind}") == []


def test_inputs_may_be_a_list_of_fields(crm):
    schema = {"variables": [{"title": "Summary", "type": "string", "x-required": True}], "types": {"own": 1}}
    assert make(crm, "action", schema=schema)["schema"] == schema
    crm.post("/crm/version", {"name": "1.0.0"})
    row = ComponentVersion.objects.select_related("component").get()
    from apps.connections.calls import check_input
    from apps.core.errors import ValidationErrors

    check_input(row, {"Summary": "x"})
    with pytest.raises(ValidationErrors, match=r"input\.Summary"):
        check_input(row, {})


def test_who_did_it_is_a_name_for_some_kinds_and_a_uuid_for_others(crm, ann):
    for kind in KINDS:
        named = kind in ("datatype", "action", "condition")
        assert make(crm, kind)["createdBy"] == ("Ann" if named else str(ann.id))


def test_a_list_costs_the_queries_of_one(crm, django_assert_max_num_queries):
    for n in range(30):
        crm.post("/crm/action", {"name": f"a{n}"})
    with django_assert_max_num_queries(6):
        assert len(crm.get("/crm/action")) == 30


def test_components_of_another_connector_are_not_found_here(crm):
    shown = make(crm, "action")
    crm.post("", {"name": "other"})
    crm.get(f"/other/action/{shown['id']}", status=404)
    crm.get(f"/crm/trigger/{shown['id']}", status=404)
