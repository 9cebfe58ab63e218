"""Addresses that are not there: a page with a way back for members, the sign-in for others."""

import pytest

from apps.accounts.console.names import list_url
from apps.connections.models import Connection
from tests.console.conftest import signed_in


@pytest.mark.parametrize("address", ["/", "/console"])
def test_the_start_is_found_without_its_slash(client, address):
    answer = client.get(address)
    assert answer.status_code == 302 and answer["Location"] == "/console/"


@pytest.mark.parametrize(
    "address, words",
    [
        (
            "/console/executions/execution/0123456789abcdef01234567/change/",
            "0123456789abcdef01234567 was not found.",
        ),
        ("/console/executions/execution/%3Cb%3E/change/", "Execution &lt;b&gt; was not found."),
        ("/console/nothing/here/", "There is nothing at this address."),
    ],
)
def test_an_unknown_page_leads_back(console, address, words):
    answer = console.get(address)
    page = answer.content.decode()
    assert answer.status_code == 404
    assert words in page and 'href="/console/"' in page and "Record errors" in page
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_a_page_for_others_says_so(monitor, rows):
    answer = signed_in(monitor).get(list_url(Connection))
    assert answer.status_code == 403
    assert "This page is not for your access level." in answer.content.decode()


def test_who_belongs_nowhere_gets_a_plain_page(db):
    from apps.accounts.services import create_user
    from tests.conftest import Person

    person = Person(organization=None, user=create_user(email="new@acme.example", password="x" * 12), key="")
    answer = signed_in(person).get("/console/nothing/here/")
    assert answer.status_code == 404 and "To the console" in answer.content.decode()


def test_a_stranger_is_led_to_the_sign_in(client, db):
    assert "/login/" in client.get("/console/nothing/here/")["Location"]


def test_the_apis_keep_their_own_words(client, db):
    assert client.get("/v1/nothing").headers["Content-Type"].startswith("application/json")
    assert "jn-page" not in client.get("/nothing").content.decode()
