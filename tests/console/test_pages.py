"""Every list and detail page: there for the owner, not there for strangers, at a constant number of queries."""

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import BinaryField
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from apps.accounts.console import WhenFilter
from apps.accounts.console.names import address_of, list_url
from apps.accounts.models import ApiKey
from apps.audit.models import AuditEntry
from apps.console.navigation import GROUPS
from apps.core.clock import now
from apps.events.models import Event
from apps.executions.models import Execution, RecordError
from apps.flows.models import Flow
from tests.console.conftest import signed_in
from tests.console.furniture import furnish

MODELS = sorted((m for m in admin.site._registry if m._meta.app_label != "auth"), key=lambda m: m._meta.label)
IDS = [model.__name__ for model in MODELS]


def queries_of(client, address):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(address).status_code == 200
    return [entry["sql"] for entry in captured]


def test_every_resource_has_its_page(rows):
    assert set(MODELS) == set(rows)


def test_a_list_costs_the_same_for_one_row_and_for_fifty(console, rows, organization):
    one = {model: queries_of(console, list_url(model)) for model in MODELS}
    dashboard = queries_of(console, "/console/")
    for _ in range(49):
        furnish(organization)
    for model in MODELS:
        many = queries_of(console, list_url(model))
        assert len(many) == len(one[model]), (model, many)
        assert not any("COUNT(*) AS" in sql and model._meta.db_table in sql for sql in many)
        for column in model._meta.fields:
            if isinstance(column, BinaryField):
                assert not any(f'"{column.column}"' in sql for sql in many), column
    assert len(queries_of(console, "/console/")) == len(dashboard)
    assert len(dashboard) < 35


@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_lists_and_details_show_the_row(model, visit, rows):
    row = rows[model]
    words = escape(admin.site._registry[model].title(row))
    assert words in visit(address_of(row))
    assert str(row.pk) in visit(list_url(model))


@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_a_stranger_sees_none_of_it(model, rows, stranger):
    client = signed_in(stranger)
    assert client.get(address_of(rows[model])).status_code == 404
    listed = client.get(list_url(model))
    assert listed.status_code == 200
    assert str(rows[model].pk) not in listed.content.decode()


@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_who_is_not_signed_in_is_led_to_the_sign_in(model, rows, client):
    for address in (list_url(model), address_of(rows[model])):
        response = client.get(address)
        assert response.status_code == 302 and "/login/" in response["Location"]


def test_a_long_list_goes_on_without_being_counted(visit, organization, rows):
    run = rows[Execution]
    Execution.objects.bulk_create(
        Execution(organization=organization, kind="flow", root_id=run.root_id, target_name=f"run {i}")
        for i in range(120)
    )
    first, last = visit(list_url(Execution)), visit(list_url(Execution, "?p=3"))
    assert "1–50" in first and "Next" in first and "Previous" not in first
    assert "101–121" in last and "Next" not in last


def test_nothing_can_be_asked_by_a_column_that_is_not_on_show(console, rows):
    """Or a key's digest could be guessed letter by letter."""
    from apps.accounts.models import ApiKey

    response = console.get(list_url(ApiKey, "?digest__startswith=0"))
    assert response.status_code in (302, 400)


FILTERS = [(model, shown) for model in MODELS for shown in admin.site._registry[model].list_filter]


@pytest.mark.parametrize("model, shown", FILTERS, ids=[f"{m.__name__}-{f.parameter_name}" for m, f in FILTERS])
def test_every_filter_answers(model, shown, visit, rows, rf):
    words = shown(rf.get("/"), {}, model, admin.site._registry[model]).lookup_choices
    found = [str(rows[model].pk) in visit(list_url(model, f"?{shown.parameter_name}={word}")) for word, _ in words]
    assert any(found) and (len(found) < 2 or shown is WhenFilter or not all(found))


def test_a_list_is_searched_by_id_and_by_name(visit, rows):
    flow, run = rows[Flow], rows[Execution]
    assert str(flow.pk) in visit(list_url(Flow, "?q=ship"))
    assert str(flow.pk) not in visit(list_url(Flow, "?q=nothing-like-it"))
    assert str(run.pk) in visit(list_url(Execution, f"?q={run.hex_id}"))
    assert "is not an id" in visit(list_url(Event, "?q=ship"))


@pytest.mark.parametrize("model", [Execution, RecordError])
def test_runs_and_failed_records_are_found_by_record_and_by_flow(model, visit, rows, organization, stranger):
    row, other = rows[model], furnish(organization)
    furnish(stranger.organization)
    RecordError.objects.filter(pk=other[RecordError].pk).update(trace_key="SO-102733")
    flow_name = rows[Flow].name.removeprefix("Ship ")
    for words, found in (("order-1", True), ("order-", True), ("rder-1", False), (flow_name, True), ("SO-1027", False)):
        page = visit(list_url(model, f"?q={words}"))
        assert (str(row.pk) in page) is found, words
    page = visit(list_url(model, "?q=SO-102733"))
    assert str(other[model].pk) in page and str(row.pk) not in page


def test_a_search_finds_what_is_resolved_too(visit, rows):
    RecordError.objects.update(resolved_at=now())
    assert str(rows[RecordError].pk) not in visit(list_url(RecordError))
    assert str(rows[RecordError].pk) in visit(list_url(RecordError, "?q=order-1"))


@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_an_empty_list_says_what_would_be_there(model, organization, owner, visit):
    model._default_manager.all().delete() if model in (AuditEntry, ApiKey) else None
    page = visit(list_url(model))
    if str(model._meta.verbose_name_plural) != "members":
        assert f"No {model._meta.verbose_name_plural} " in page
    assert "yielded" not in page
    assert "Nothing matches." in visit(list_url(model, "?q=0123456789abcdef01234567"))


def test_the_menu_says_what_its_pages_say():
    for _, entries in GROUPS:
        for title, _, model in entries:
            plural = str(model._meta.verbose_name_plural)
            assert title.lower() == plural.lower()
