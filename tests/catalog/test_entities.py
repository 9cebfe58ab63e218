import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.audit.models import AuditEntry
from apps.catalog.documents import entity_document
from apps.catalog.models import Entity, EntityLink
from apps.catalog.queries import matching_entities
from apps.catalog.services import EntityWrite, delete_entity, release_field, save_entities, save_entity
from apps.core.errors import BadRequestError, ConflictError, ForbiddenError, NotFoundError, ValidationErrors
from apps.core.ids import whole_number
from apps.engine.conditions.rely import compile_conditions
from apps.events.models import Event

pytestmark = pytest.mark.django_db


def fields_of(caught):
    return [error.field for error in caught.value.errors]


def stored(id):
    return Entity.objects.select_related("blueprint").filter(natural_id=id).first()


def test_a_write_is_told_with_the_entity_as_it_is_after_it(save, heard, organization):
    saved = save("payments", properties={"stars": 3}, relations={"owner": {"value": "ada"}})
    [event] = heard.events()
    assert saved.change == "create"
    assert (event.type, event.subject_kind, event.subject_id) == ("entity.create", "entity", saved.entity.id)
    assert {key: event.data[key] for key in ("resource", "action", "blueprintId")} == {
        "resource": "entity", "action": "create", "blueprintId": "service",
    }  # fmt: skip
    assert event.data["data"] == entity_document(stored("payments"))
    save("payments", properties={"stars": 4})
    [event] = heard.events()
    assert (event.type, event.data["data"]["properties"]) == ("entity.update", {"stars": 4})
    delete_entity(organization_id=organization.id, actor=None, id="payments", depth=2)
    [event] = heard.events()
    assert (event.type, event.depth, event.data["data"]["properties"]) == ("entity.delete", 2, {"stars": 4})


def test_a_write_that_changes_nothing_writes_nothing_and_tells_nobody(save, heard):
    first = save("payments", properties={"stars": 1, "readme": "x"}).entity
    heard()
    again = save("payments", properties={"readme": "x", "stars": 1})
    assert (again.change, heard()) == (None, [])
    assert stored("payments").updated_at == first.updated_at


def test_true_is_another_value_than_one(save, heard):
    save("repo", "github.v1.repository", properties={"private": 1})
    assert save("repo", "github.v1.repository", properties={"private": True}).change == "update"


def test_a_replace_forgets_what_is_not_said_and_a_merge_keeps_it(save):
    save("payments", description="Money", properties={"stars": 1}, relations={"owner": {"value": "ada"}})
    merged = save("payments", merge=True, properties={"readme": "hello"}, relations={"team": {"value": ["red"]}}).entity
    assert merged.properties == {"stars": 1, "readme": "hello"}
    assert (merged.relations, merged.description) == (
        {"owner": {"value": "ada"}, "team": {"value": ["red"]}},
        "Money",
    )
    replaced = save("payments", properties={"readme": "bye"}).entity
    assert (replaced.properties, replaced.relations, replaced.description) == ({"readme": "bye"}, {}, None)


def test_properties_obey_the_blueprint_and_every_wrong_one_is_named(save):
    with pytest.raises(ValidationErrors) as caught:
        save("payments", properties={"stars": -1, "labels": ["a", 2]}, relations={"owner": "ada"})
    assert fields_of(caught) == ["properties.labels[1]", "properties.stars", "relations.owner"]
    assert stored("payments") is None


def test_a_property_that_is_null_counts_as_missing(save):
    assert save("payments", properties={"stars": None}).entity.properties == {"stars": None}


def test_an_unknown_blueprint_and_another_one_are_refused(save, stranger, organization):
    with pytest.raises(BadRequestError, match="Blueprint with id team not found"):
        save("payments", "team")
    save("payments")
    with pytest.raises(BadRequestError, match="is of the blueprint service"):
        save("payments", "github.v1.repository")
    with pytest.raises(BadRequestError, match="Blueprint with id service not found"):
        save_entity(
            organization_id=stranger.organization.id, actor=stranger.actor, id="mine", blueprint_id="service", title="M"
        )


@pytest.mark.parametrize("id", ["", "Payments", "a b", "a/b", "é", "a" * 256])
def test_an_id_is_safe_in_an_address(save, id):
    with pytest.raises(ValidationErrors) as caught:
        save(id)
    assert fields_of(caught) == ["id"]


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"title": " "}, "title"),
        ({"properties": "text"}, "properties"),
        ({"properties": {"readme": "a\0b"}}, "properties"),
        ({"properties": {"x": "y" * 1_100_000}}, "properties"),
        ({"relations": [1]}, "relations"),
        ({"relations": {"owner": {"value": {"id": "x"}}}}, "relations.owner.value"),
        ({"sources": [1]}, "sources"),
        ({"is_active": "yes"}, "isActive"),
    ],
)
def test_what_a_template_may_come_up_with_is_refused_by_name(save, members, field):
    with pytest.raises(ValidationErrors) as caught:
        save("repo", "github.v1.repository", **members)
    assert field in fields_of(caught)


def test_ids_and_titles_that_a_template_made_numbers_of_are_texts(save):
    entity = save("repo", "github.v1.repository", title=2024, relations={"team": {"value": [7, "red"]}}).entity
    assert (entity.title, entity.relations) == ("2024", {"team": {"value": ["7", "red"]}})


def test_what_feeds_an_entity_is_told_once_that_it_does(save, heard):
    save("repo.one", "github.v1.repository")
    heard()
    saved = save("payments", source="github.v1.repository.repo.one", origin="rule", merge=True)
    assert saved.entity.sources == ["github.v1.repository.repo.one", "rule"]
    assert heard() == [("create", "payments"), ("addedAsSource", "repo.one")]
    assert save("payments", source="github.v1.repository.repo.one", origin="rule", merge=True).change is None
    save("payments", source="github.v1.repository.repo.one", origin="rule", merge=True, properties={"stars": 1})
    assert heard() == [("update", "payments")]


def test_a_rules_fields_are_not_edited_by_hand(save, owner):
    save("payments", origin="rule", properties={"readme": "from the rule"}, merge=True)
    with pytest.raises(ValidationErrors, match="belongs to the automation rule") as caught:
        save("payments", actor=owner.actor, properties={"readme": "mine"})
    assert fields_of(caught) == ["properties.readme"]
    by_hand = save("payments", actor=owner.actor, properties={"stars": 5}).entity
    assert by_hand.properties == {"readme": "from the rule", "stars": 5}
    again = save("payments", origin="rule", properties={"stars": 6}, merge=True).entity
    assert again.field_sources["properties.stars"] == "rule"


def test_a_released_field_is_edited_by_hand_until_the_rule_changes_it_again(save, owner):
    entity = save("payments", origin="rule", properties={"readme": "rule"}, merge=True).entity
    release_field(actor=owner.actor, entity=entity, path="properties.readme")
    save("payments", actor=owner.actor, properties={"readme": "mine"})
    assert stored("payments").properties == {"readme": "mine"}
    save("payments", origin="rule", properties={"readme": "rule"}, merge=True)
    assert stored("payments").field_sources["properties.readme"] == "rule"


def test_who_writes_is_kept_and_audited(save, owner, monitor):
    entity = save("payments", actor=owner.actor).entity
    assert entity_document(entity)["createdBy"] == whole_number(owner.user.id)
    save("payments", actor=owner.actor, properties={"stars": 2})
    entries = AuditEntry.objects.filter(resource_type="entity").order_by("id")
    assert [(entry.event, entry.user_id) for entry in entries] == [
        ("create", owner.user.id),
        ("update", owner.user.id),
    ]
    assert entries[1].changes == [{"fieldPath": "properties.stars"}]
    with pytest.raises(ForbiddenError):
        save("payments", actor=monitor.actor, properties={"stars": 3})
    assert entity_document(save("payments", properties={"stars": 4}).entity)["updatedBy"] is None


def test_a_new_one_that_must_be_new_is_refused_where_its_id_is_taken(save):
    save("payments")
    with pytest.raises(ConflictError, match="payments already exists"):
        save("payments", must_be_new=True)


def test_an_entity_of_somebody_else_is_not_there(save, stranger):
    save("payments")
    with pytest.raises(NotFoundError):
        delete_entity(organization_id=stranger.organization.id, actor=stranger.actor, id="payments")
    assert not Entity.objects.for_actor(stranger.actor).exists()


def test_a_relation_may_name_what_is_not_there_yet(save, organization):
    """Plugins and rules write in any order, and what is deleted leaves its name behind."""
    save("payments", relations={"owner": {"value": "ada"}, "teams": {"value": ["red", "blue"]}})
    before = Entity.objects.get(natural_id="payments").relations
    assert before == {"owner": {"value": "ada"}, "teams": {"value": ["red", "blue"]}}
    condition = {"field": "relations/owner/value", "operator": "eq", "value": "ada"}
    found = matching_entities(organization.id, conditions=compile_conditions([condition], str, dialect="slash"))
    assert [entity.natural_id for entity in found] == ["payments"], "found by it, before it is there"
    save("ada")
    delete_entity(organization_id=organization.id, actor=None, id="ada")
    assert Entity.objects.get(natural_id="payments").relations == before


@pytest.mark.parametrize("value", [{"id": "ada"}, ["ada", None], ["ada", ["red"]], "a" * 300, True])
def test_a_relation_names_ids_and_nothing_else(save, value):
    with pytest.raises(ValidationErrors) as caught:
        save("payments", relations={"owner": {"value": value}})
    assert fields_of(caught) == ["relations.owner.value"]


def test_lookup_rows_follow_the_entity(save, organization):
    def links():
        return set(EntityLink.objects.values_list("name", "many", "value"))

    save("payments", sources=["a.b"], relations={"owner": {"value": "ada"}, "team": {"value": ["red", "red"]}})
    assert links() == {("sources", True, "a.b"), ("relations/owner", False, "ada"), ("relations/team", True, "red")}
    save("payments", merge=True, relations={"owner": {"value": None}})
    assert links() == {("sources", True, "a.b"), ("relations/team", True, "red")}
    delete_entity(organization_id=organization.id, actor=None, id="payments")
    assert links() == set()


def test_ten_thousand_are_saved_and_told_in_few_statements(blueprints, organization, heard):
    def write(round):
        return save_entities(
            organization_id=organization.id, actor=None, merge=True,
            writes=[
                EntityWrite(
                    id=f"service-{number}", blueprint_id="service", title=f"Service {number}",
                    properties={"stars": round}, relations={"team": {"value": [f"team-{number % 7}"]}},
                )
                for number in range(10_000)
            ],
        )  # fmt: skip

    for round, change in ((1, "create"), (2, "update"), (2, None)):
        with CaptureQueriesContext(
            connection,
        ) as statements:
            saved = write(round)
        assert {one.change for one in saved} == {change}
        assert len(statements) < 600
    assert Entity.objects.filter(properties__stars=2).count() == 10_000
    assert Event.objects.filter(type="entity.create").count() == 10_000
    assert Event.objects.filter(type="entity.update").count() == 10_000


def test_one_entity_twice_in_a_bulk_is_written_in_order(blueprints, organization, heard):
    save_entities(
        organization_id=organization.id, actor=None, merge=True,
        writes=[
            EntityWrite(id="a", blueprint_id="service", title="A", properties={"stars": 1}),
            EntityWrite(id="a", properties={"readme": "x"}),
            EntityWrite(id="a", properties={"stars": 2}),
        ],
    )  # fmt: skip
    assert stored("a").properties == {"stars": 2, "readme": "x"}
    assert [action for action, _ in heard()] == ["create", "update", "update"]


def test_a_bulk_is_written_whole_or_not_at_all(blueprints, organization, heard):
    writes = [EntityWrite(id=id, blueprint_id="service", title=id) for id in ("a", "b", "NOT AN ID")]
    with pytest.raises(ValidationErrors):
        save_entities(organization_id=organization.id, actor=None, writes=writes)
    assert (Entity.objects.count(), heard()) == (0, [])
