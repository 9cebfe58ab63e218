"""Conditions over stored entities: what the database narrows and the engine decides is what the engine alone finds."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.catalog.documents import entity_document
from apps.catalog.models import Entity
from apps.catalog.queries import entities_by_source, matching_entities
from apps.catalog.services import EntityWrite, save_entities
from apps.engine.conditions.rely import OPERATORS, compile_conditions

pytestmark = pytest.mark.django_db


def compiled(*conditions, render=lambda text, scope: scope[text.strip("{} ")]):
    documents = [{"field": field, "operator": operator, "value": value} for field, operator, value in conditions]
    return compile_conditions(documents, render, dialect="slash")


@pytest.fixture
def services(save):
    save("one", sources=["github.v1.repository.r1", "rule"], relations={"team": {"value": "red"}})
    save("two", sources=["github.v1.repository.r2"], relations={"team": {"value": ["red", "blue"]}})
    save("three", relations={"team": {"value": None}}, properties={"stars": 3, "labels": ["a"], "readme": "Hello"})
    save("repo", "github.v1.repository", properties={"7": "x", "flag": True})


def found(organization, *conditions, scope=None, **options):
    rows = matching_entities(organization.id, conditions=compiled(*conditions), scope=scope, **options)
    return [row.natural_id for row in rows]


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        (("id", "eq", "one"), ["one"]),
        (("id", "in", "two, one,,"), ["one", "two"]),
        (("id", "neq", "one"), ["two", "three", "repo"]),
        (("id", "notIn", ["one", "two"]), ["three", "repo"]),
        (("id", "eq", None), []),
        (("blueprintId", "eq", "service"), ["one", "two", "three"]),
        (("blueprintId", "in", ["github.v1.repository"]), ["repo"]),
        (("sources", "contains", "github.v1.repository.r1"), ["one"]),
        (("sources", "contains", ["rule", "github.v1.repository.r2"]), ["one", "two"]),
        (("sources", "contains", None), []),
        (("sources", "notContains", "rule"), ["two", "three", "repo"]),
        (("relations/team/value", "eq", "red"), ["one"]),
        (("relations/team/value", "contains", "red"), ["one", "two"]),
        (("relations/team/value", "contains", "re"), ["one"]),
        (("relations/team/value", "in", "blue,red"), ["one", "two"]),
        (("relations/team/value", "eq", ["red", "blue"]), ["two"]),
        (("relations/team/value", "neq", None), ["one", "two"]),
        (("relations/*/value", "contains", "red"), []),
        (("properties/stars", "eq", "3"), ["three"]),
        (("properties/stars", "gte", 3), ["three"]),
        (("properties/labels", "contains", "a"), ["three"]),
        (("properties/readme", "eq", "Hello"), ["three"]),
        (("properties/readme", "eq", "hello"), []),
        (("properties/readme", "like", "H%o"), ["three"]),
        (("properties/7", "eq", "x"), ["repo"]),
        (("properties/flag", "eq", "true"), ["repo"]),
        (("title", "eq", "One"), ["one"]),
    ],
)
def test_each_operator_finds_what_it_should(organization, services, condition, ids):
    assert found(organization, condition) == ids


def test_conditions_are_anded_rendered_and_limited(organization, services):
    both = [("blueprintId", "eq", "service"), ("relations/team/value", "contains", "{{ team }}")]
    assert found(organization, *both, scope={"team": "red"}) == ["one", "two"]
    assert found(organization, *both, scope={"team": "red"}, limit=1) == ["one"]
    assert found(organization, *both, scope={"team": "red"}, limit=0) == []
    assert found(organization, scope={}, blueprint_id="service") == ["one", "two", "three"]


def test_another_organizations_entities_are_not_found(stranger, services):
    assert found(stranger.organization, ("id", "neq", None)) == []
    names = {"source_blueprint_id": "github.v1.repository", "target_blueprint_id": "service"}
    assert entities_by_source(stranger.organization.id, **names, entity_ids=["r1"]) == []


def test_entities_are_found_by_what_feeds_them(organization, services, save):
    save("four", "github.v1.repository", sources=["github.v1.repository.r1"])
    rows = entities_by_source(
        organization.id, source_blueprint_id="github.v1.repository", target_blueprint_id="service",
        entity_ids=["r2", "r1", "r9"],
    )  # fmt: skip
    assert [row.natural_id for row in rows] == ["one", "two"]


@pytest.mark.parametrize(
    "condition",
    [
        ("relations/team/value", "eq", "team-3"),
        ("sources", "contains", "github.v1.repository.repo-77"),
        ("properties/stars", "gt", 5),
        ("title", "like", "%9"),
    ],
)
def test_ten_thousand_entities_are_asked_in_one_statement(
    organization, blueprints, condition, django_assert_num_queries
):
    writes = [
        EntityWrite(
            id=f"service-{number}",
            blueprint_id="service",
            title=f"Service {number}",
            properties={"stars": number % 9},
            relations={"team": {"value": f"team-{number % 100}"}},
            sources=[f"github.v1.repository.repo-{number}"],
        )
        for number in range(10_000 if condition[0] == "sources" else 1_200)
    ]
    save_entities(organization_id=organization.id, actor=None, writes=writes)
    with django_assert_num_queries(1):
        assert found(organization, condition)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 12),
    st.floats(-2, 12),
    st.sampled_from(["red", "re", "r", "", "1", "12", "true", "one", "One", "red,blue", "RED", "%", "_"]),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.fixed_dictionaries({"a": SCALARS}))
FIELDS = [
    "id",
    "blueprintId",
    "title",
    "sources",
    "relations/team/value",
    "relations/owner/value",
    "properties/a",
    "properties/1",
    "properties",
    "relations",
    "isActive",
    "relations/team",
    "sources/0",
    "/id",
]
IDS = st.sampled_from(["red", "re", "blue", "1", "12", "true"])
RELATED = st.one_of(st.none(), IDS, st.lists(IDS, max_size=3))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    related=st.lists(st.tuples(RELATED, RELATED, VALUES), min_size=1, max_size=4),
    conditions=st.lists(
        st.tuples(st.sampled_from(FIELDS), st.sampled_from(sorted(OPERATORS)), VALUES), min_size=1, max_size=12
    ),
)
def test_whatever_is_asked_the_database_lets_nothing_fall(organization, blueprints, related, conditions):
    Entity.objects.all().delete()
    rows: list[Any] = []
    for number, (team, owner, value) in enumerate(related):
        rows.append(
            EntityWrite(
                id=["one", "1", "true", "red"][number],
                blueprint_id="github.v1.repository",
                title="One",
                properties={"a": value, "1": value},
                sources=["red", "12"][: number % 3],
                relations={"team": {"value": team}, "owner": {"value": owner}},
            )
        )
    save_entities(organization_id=organization.id, actor=None, writes=rows)
    everything = list(Entity.objects.shown().order_by("id"))
    for condition in conditions:
        test = compiled(condition).bind(None)
        wanted = [row.natural_id for row in everything if test(entity_document(row))]
        assert found(organization, condition) == wanted, condition
