"""What an automation suggests: looked at, applied, and ignored; the entity it made, with where its fields come from."""

import pytest
from playwright.sync_api import expect

from apps.catalog.blueprints import save_blueprint
from apps.catalog.models import Entity, Suggestion
from apps.catalog.services import save_entity
from apps.catalog.suggestions import offer

pytestmark = pytest.mark.browser


@pytest.fixture
def suggested(owner, organization):
    for id, title in (("github.v1.repository", "Repository"), ("service", "Service")):
        save_blueprint(actor=owner.actor, id=id, fields={"title": title})
    for name in ("payments", "playground"):
        source = save_entity(
            organization_id=organization.id, actor=None, id=name, blueprint_id="github.v1.repository", title=name
        ).entity
        data = {"id": f"{name}.service", "blueprintId": "service", "title": f"{name.title()} service"}
        offer(origin_id="repository-to-service", source=source, data={**data, "properties": {"language": "Go"}})


def test_a_suggestion_is_applied_and_another_ignored(visit, owner, suggested):
    window = visit()
    page = window.sign_in(owner)
    window.menu("Suggestions")
    page.get_by_role("link", name="Payments service").click()
    expect(page.get_by_role("cell", name="properties.language")).to_be_visible()
    expect(page.get_by_text("There is no such entity yet: it is made.")).to_be_visible()
    window.picture("suggestion")
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.get_by_text("Payments service is made as suggested.")).to_be_visible()
    expect(page.locator(".jn-title .jn-badge")).to_have_text("applied")
    expect(page.get_by_text("Nothing: it is so already.")).to_be_visible()
    page.get_by_role("link", name="Payments service").click()
    expect(page.get_by_role("row", name="language Go repository-to-service")).to_be_visible()
    window.picture("entity")
    window.menu("Suggestions")
    page.get_by_role("link", name="Playground service").click()
    page.get_by_role("button", name="Ignore", exact=True).click()
    expect(page.locator(".jn-title .jn-badge")).to_have_text("ignored")
    expect(page.get_by_role("button", name="Apply", exact=True)).to_have_count(0)
    window.menu("Entities")
    expect(page.get_by_role("link", name="Payments service")).to_be_visible()
    assert Entity.objects.filter(blueprint__natural_id="service").count() == 1
    assert Suggestion.objects.filter(ignored=True).count() == 1
    assert window.strangers == []
    assert window.complaints == []
