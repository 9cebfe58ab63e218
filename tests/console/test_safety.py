"""Headers of console pages, and the brake on guessing passwords."""

from datetime import timedelta

import time_machine

from apps.console.models import SignInFailure
from apps.console.throttle import FAILURES_PER_ADDRESS, FAILURES_PER_PERSON, WINDOW
from apps.core.clock import now

LOGIN = "/console/login/"


def sign_in(client, email, password, address="192.0.2.1"):
    return client.post(LOGIN, {"username": email, "password": password}, REMOTE_ADDR=address)


def test_console_pages_are_bound_to_their_own_host(console):
    for address in (LOGIN, "/console/", "/console/flows/flow/", "/console/nothing/here/"):
        headers = console.get(address).headers
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == "'self' 'unsafe-eval'"
        assert policy["frame-ancestors"] == "'none'"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "no-store" in headers["Cache-Control"]


def test_the_policy_for_the_theme_is_for_the_console_alone(client, db):
    assert "Content-Security-Policy" not in client.get("/v1/flows").headers


def test_pages_hold_no_inline_script(console, rows):
    from apps.accounts.console.names import address_of

    for address in (LOGIN, "/console/", *(address_of(row) for row in rows.values())):
        page = console.get(address).content.decode()
        for tag in page.split("<script")[1:]:
            assert " src=" in tag.split(">")[0]
        assert " onclick=" not in page and " onchange=" not in page and "javascript:" not in page


def test_after_some_failures_even_the_right_password_waits(client, owner):
    for _ in range(FAILURES_PER_PERSON):
        assert sign_in(client, owner.user.email, "wrong").status_code == 200
    answer = sign_in(client, owner.user.email.upper(), "correct horse battery")
    assert answer.status_code == 200
    assert "Too many failed sign-ins." in answer.content.decode()
    with time_machine.travel(now() + WINDOW + timedelta(seconds=1)):
        assert sign_in(client, owner.user.email, "correct horse battery").status_code == 302


def test_others_may_sign_in_meanwhile(client, owner, stranger):
    for _ in range(FAILURES_PER_PERSON):
        sign_in(client, owner.user.email, "wrong")
    assert sign_in(client, stranger.user.email, "correct horse battery").status_code == 302
    assert sign_in(client, owner.user.email, "correct horse battery", "192.0.2.2").status_code == 302


def test_an_address_that_tries_many_people_is_slowed_down(client, owner):
    SignInFailure.objects.all().delete()
    for number in range(FAILURES_PER_ADDRESS):
        sign_in(client, f"person{number}@acme.example", "wrong")
    assert "Too many" in sign_in(client, owner.user.email, "correct horse battery").content.decode()


def test_behind_a_proxy_one_guesser_does_not_lock_out_the_others(client, owner, settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    def through_proxy(seen, password):
        form = {"username": owner.user.email, "password": password}
        return client.post(LOGIN, form, headers={"x-forwarded-for": seen, "x-forwarded-proto": "https"})

    for number in range(FAILURES_PER_PERSON):
        through_proxy(f"10.0.0.{number}, 192.0.2.9", "wrong")
    assert through_proxy("10.0.0.77, 192.0.2.9", "correct horse battery").status_code == 200
    assert through_proxy("192.0.2.10", "correct horse battery").status_code == 302


def test_without_a_proxy_no_header_is_believed(client, owner):
    for number in range(FAILURES_PER_PERSON):
        form = {"username": owner.user.email, "password": "wrong"}
        client.post(LOGIN, form, headers={"x-forwarded-for": f"10.0.0.{number}"}, REMOTE_ADDR="192.0.2.1")
    assert sign_in(client, owner.user.email, "correct horse battery").status_code == 200


def test_a_good_sign_in_forgets_the_failures_before_it(client, owner):
    for _ in range(FAILURES_PER_PERSON - 1):
        sign_in(client, owner.user.email, "wrong")
    sign_in(client, owner.user.email, "correct horse battery")
    client.post("/console/logout/")
    for _ in range(FAILURES_PER_PERSON - 1):
        sign_in(client, owner.user.email, "wrong")
    assert sign_in(client, owner.user.email, "correct horse battery").status_code == 302


def test_times_are_shown_in_the_viewers_zone_and_name_it(console, owner, rows):
    from apps.accounts.console.names import address_of
    from apps.executions.models import Execution

    answer = console.post("/console/preferences/", {"name": "Olivia", "timezone": "Asia/Kolkata"}, follow=True)
    assert "Saved." in answer.content.decode()
    assert " IST</time>" in console.get(address_of(rows[Execution])).content.decode()
    answer = console.post("/console/preferences/", {"name": "Olivia", "timezone": "Mars/Phobos"})
    assert "is not the name of a time zone" in answer.content.decode()
