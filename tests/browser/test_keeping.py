"""A blob is looked for, downloaded and deleted in a real browser."""

import pytest
from playwright.sync_api import expect

from apps.flows.models import Blob
from apps.flows.services.blobs import keep_blob, path_of

pytestmark = pytest.mark.browser
CONTENT = b"%PDF-1.7 a label"


def test_a_blob_is_found_downloaded_and_deleted(visit, owner, organization):
    blob = keep_blob([CONTENT], organization_id=organization.id, name="in/label.pdf", content_type="application/pdf")
    window = visit()
    page = window.sign_in(owner)
    window.menu("Blobs")
    page.get_by_text("Filters").first.click()
    page.get_by_role("link", name="within a day", exact=True).click()
    expect(page.get_by_text("Nothing matches.").first).to_be_visible()
    window.menu("Blobs")
    page.locator("#result_list").get_by_role("link", name="in/label.pdf").click()
    expect(page.locator(".jn-facts")).to_contain_text("application/pdf")
    window.picture("blob")
    with page.expect_download() as started:
        page.get_by_role("link", name="Download", exact=True).click()
    assert started.value.suggested_filename == "label.pdf"
    assert started.value.path().read_bytes() == CONTENT
    page.locator("summary", has_text="Delete").click()
    page.get_by_role("button", name="Yes, delete").click()
    expect(page.get_by_text("in/label.pdf is deleted.")).to_be_visible()
    assert not Blob.objects.exists() and not path_of(blob).exists()
    assert window.strangers == []
    assert window.complaints == []
