"""What a flow is made of, written in the browser: export, import, script and lookup cache, mended, used and deleted."""

import pytest
from playwright.sync_api import expect

from apps.connections.resource import CONNECTIONS
from apps.flows.models import Export, LookupCache, LookupEntry
from apps.flows.services.lookup_data import upsert_data
from tests.browser.test_connectors import write
from tests.contracts.world import HTTP_CONNECTION

pytestmark = pytest.mark.browser


def begin(window, menu):
    window.menu(menu)
    kind = menu.lower().removesuffix("s").replace(" ", "")
    window.page.locator(f"a[href$='/flows/{kind}/add/']").first.click()


@pytest.fixture
def connection(transactional_db, owner):
    return CONNECTIONS.create(actor=owner.actor, document=HTTP_CONNECTION)


def test_an_export_and_an_import_are_written_mended_and_used(visit, owner, connection):
    window = visit()
    page = window.sign_in(owner)
    begin(window, "Exports")
    expect(page.locator("aside").get_by_role("link", name="Shop")).to_be_visible()
    write(page, name="Orders", pageSize="many", _connectionId=connection.hex_id)
    expect(page.get_by_role("alert")).to_contain_text("pageSize")
    window.picture("export-refused")
    write(page, pageSize=50)
    expect(page.locator(".jn-title")).to_contain_text("Orders")
    page.get_by_role("link", name="Edit").click()
    write(page, name="Newer orders")
    expect(page.get_by_text("Export Newer orders is saved.")).to_be_visible()

    begin(window, "Imports")
    write(page, name="Parcels", _connectionId=connection.hex_id)
    expect(page.locator(".jn-title")).to_contain_text("Parcels")
    expect(page.locator(".jn-facts")).to_contain_text("HTTPImport")

    begin(window, "Flows")
    named = {"pageGenerators": [{"_exportId": Export.objects.get().hex_id}], "pageProcessors": []}
    write(page, name="Ship", **named)
    expect(page.locator(".jn-title")).to_contain_text("Ship")
    window.menu("Exports")
    page.locator("#result_list").get_by_role("link", name="Newer orders").click()
    expect(page.get_by_role("link", name="Ship", exact=True)).to_be_visible()
    page.locator("summary", has_text="Delete").click()
    page.get_by_role("button", name="Yes, delete").click()
    expect(page.get_by_text("This export is used by flow Ship")).to_be_visible()
    assert Export.objects.exists()
    assert [told for told in window.complaints if "422" not in told] == []  # the refused save


def test_a_script_is_written_and_a_lookup_cache_emptied(visit, owner):
    window = visit()
    page = window.sign_in(owner)
    begin(window, "Scripts")
    write(page, name="Tidy", content="function tidy(options) { return options.data }")
    expect(page.locator(".jn-title")).to_contain_text("Tidy")
    expect(page.get_by_text("Nothing uses it.")).to_be_visible()
    page.locator("summary", has_text="Delete").click()
    page.get_by_role("button", name="Yes, delete").click()
    expect(page.get_by_text("Tidy is deleted.")).to_be_visible()

    begin(window, "Lookup caches")
    write(page, name="Rates")
    expect(page.get_by_text("Nothing is kept in it.")).to_be_visible()
    upsert_data(actor=owner.actor, cache=LookupCache.objects.get(), entries=[{"key": "euro", "value": "1.08"}])
    page.reload()
    expect(page.get_by_role("cell", name="euro")).to_be_visible()
    window.picture("lookup-cache")
    page.locator("summary", has_text="Empty").click()
    page.get_by_role("button", name="Yes, empty").click()
    expect(page.get_by_text("Rates is empty: 1 entries are gone.")).to_be_visible()
    assert not LookupEntry.objects.exists()
    assert window.strangers == []
    assert window.complaints == []
