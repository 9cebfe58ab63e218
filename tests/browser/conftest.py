"""A real browser before the shipped server: it keeps what it asked for and what it was refused, and takes pictures."""

import os
import tempfile
from pathlib import Path

import pytest

from tests import servers
from tests.flows.pipeline.conftest import Workshop

ARGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PASSWORD = "correct horse battery"
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright

    # Playwright runs an event loop in this thread; the tests' own queries beside it are what they are.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=servers.chromium(), args=ARGS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where screenshots go: JUNCTION_TEST_PICTURES, or a temporary directory."""
    path = Path(os.environ.get("JUNCTION_TEST_PICTURES") or tempfile.mkdtemp(prefix="junction-pictures-"))
    path.mkdir(parents=True, exist_ok=True)
    return path


class Visit:
    """One person's browser window. `asked`: every address it requested; `complaints`: what its console said."""

    def __init__(self, browser, base, pictures, *, size=WIDE, scheme="light"):
        self.base, self.pictures = base, pictures
        self.asked, self.complaints = [], []
        self.context = browser.new_context(viewport=size, color_scheme=scheme, timezone_id="Europe/Helsinki")
        self.context.set_default_timeout(15_000)
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def hear(self, kind, text):
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def open(self, path):
        self.page.goto(self.base + path)
        return self.page

    def sign_in(self, person, password=PASSWORD):
        page = self.open("/console/login/?next=/console/")
        page.fill("input[name=username]", person.user.email)
        page.fill("input[name=password]", password)
        page.click("button[type=submit]")
        return page

    def menu(self, name):
        self.page.locator("#nav-sidebar a", has_text=name).click()

    def picture(self, name):
        self.page.screenshot(path=self.pictures / f"{name}.png", full_page=True)

    def text(self):
        return self.page.inner_text("#content")

    @property
    def strangers(self):
        return [url for url in self.asked if not url.startswith((self.base, "data:"))]


@pytest.fixture
def visit(chromium, served, pictures):
    opened = []

    def start(**options):
        opened.append(Visit(chromium, served, pictures, **options))
        return opened[-1]

    yield start
    for found in opened:
        found.context.close()


@pytest.fixture
def workshop(transactional_db, owner, system):
    return Workshop(owner, system)
