"""Several writers at once: nothing is lost, nothing is made twice."""

import threading

import pytest
from django.db import connections

from apps.catalog.models import Entity, EntityLink, Suggestion
from apps.catalog.services import save_entity
from apps.catalog.suggestions import apply_suggestion, offer

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS = 6


def at_once(work):
    """Runs `work(number)` in a thread each, begun together; answers what they raised."""
    start, trouble = threading.Barrier(WRITERS), []

    def run(number):
        try:
            start.wait(30)
            work(number)
        except Exception as error:
            trouble.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[number]) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return trouble


def test_writers_of_one_new_entity_all_get_their_fields_in(organization, blueprints):
    def write(number):
        save_entity(
            organization_id=organization.id, actor=None, id="one", blueprint_id="github.v1.repository", title="One",
            properties={f"p{number}": number}, relations={f"r{number}": {"value": "x"}}, merge=True,
        )  # fmt: skip

    assert at_once(write) == []
    [entity] = Entity.objects.all()
    assert entity.properties == {f"p{number}": number for number in range(WRITERS)}
    assert EntityLink.objects.count() == WRITERS


def test_offers_of_one_change_make_one_suggestion(organization, save):
    source = save("repo", "github.v1.repository").entity

    def suggest(number):
        data = {"id": "t", "blueprintId": "service", "title": "T", "properties": {"stars": number}}
        offer(origin_id="rule", source=source, data=data)

    assert at_once(suggest) == []
    assert Suggestion.objects.count() == 1


def test_a_suggestion_that_several_apply_adds_its_source_once(organization, save, owner, heard):
    source = save("repo", "github.v1.repository").entity
    data = {"id": "t", "blueprintId": "service", "title": "T", "properties": {"stars": 1}}
    suggestion = offer(origin_id="rule", source=source, data=data).suggestion
    heard()
    actor = owner.actor
    assert at_once(lambda number: apply_suggestion(actor=actor, suggestion=suggestion)) == []
    assert heard() == [("create", "t"), ("addedAsSource", "repo")]
