"""A connector is written in the browser: its document, a version, an action, and what publishing does."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def write(page, **changes):
    """Changes members of the document in the editor, and saves."""
    editor = page.locator("#jn-document")
    document = {**json.loads(editor.input_value()), **changes}
    editor.fill(json.dumps(document, indent=2))
    page.get_by_role("button", name="Save").click()


def test_a_connector_is_built_and_published(visit, owner):
    window = visit()
    page = window.sign_in(owner)
    window.menu("Connectors")
    page.locator("a[href$='/connectors/connector/add/']").first.click()
    write(page, name="crm", icon="x", displayOrder="first")
    expect(page.get_by_role("alert")).to_contain_text("displayOrder")
    write(page, displayOrder=1)
    expect(page.locator(".jn-title")).to_contain_text("crm")
    page.get_by_role("link", name="New version", exact=True).click()
    write(page, setting={"baseUrl": "https://crm.example"})
    expect(page.locator(".jn-title")).to_contain_text("crm 1.0.0 draft")
    page.get_by_role("link", name="crm", exact=True).click()
    page.get_by_role("link", name="New component").click()
    write(page, name="mail.send", logic={"execute": {"output": "{{ input.data"}})
    expect(page.get_by_role("alert")).to_contain_text("logic.execute.output")
    window.picture("component-refused")
    write(page, logic={"execute": {"output": "{{ input.data }}"}})
    expect(page.locator(".jn-title")).to_contain_text("mail.send")
    page.locator("summary", has_text="Publish the draft").click()
    page.get_by_role("button", name="Yes, publish the draft").click()
    expect(page.get_by_text("it stays as it is from now on")).to_be_visible()
    expect(page.get_by_role("link", name="New version", exact=True)).to_be_visible()
    page.get_by_role("link", name="crm", exact=True).click()
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("crm is published with its version 1.0.0.")).to_be_visible()
    expect(page.locator(".jn-title .jn-badge")).to_have_text("published")
    window.picture("connector")
    window.menu("Connectors")
    page.get_by_text("Filters").first.click()
    page.get_by_role("link", name="library", exact=True).click()
    expect(page.get_by_text("Nothing matches.").first).to_be_visible()
    assert window.strangers == []
    assert [told for told in window.complaints if "422" not in told] == []  # the two refused saves
