"""The verbs of the pages: through services, for those who may."""

import re

import pytest

from apps.accounts.console.names import address_of
from apps.subscriptions.models import Delivery, Subscription
from tests.console.conftest import signed_in
from tests.subscriptions.conftest import fire, secret_of, subscribe, work_off

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(owner):
    return signed_in(owner)


def do(client, row, name):
    return client.post(address_of(row).replace("/change/", f"/do/{name}/"), follow=True).content.decode()


def test_a_dead_letter_is_replayed_once_its_subscription_is_on_again(console, api, crm, receivers):
    one = receivers(410)
    subscription = subscribe(api, one.url)
    fire(crm)
    work_off()
    dead = Delivery.objects.get()
    assert "The subscriber answered 410" in console.get(address_of(dead)).content.decode()
    assert "enable it first" in do(console, dead, "replay")
    assert "It gets deliveries again." in do(console, subscription, "enable")
    assert "sent again" in do(console, dead, "replay")
    work_off()
    dead.refresh_from_db()
    assert (dead.state, len(one.got)) == ("succeeded", 2)
    assert "1 deliveries are sent again." in do(console, subscription, "replay")


def test_a_rotated_secret_is_shown_once(console, api, crm):
    subscription = subscribe(api, "https://example.com/hook")
    answer = console.post(f"{address_of(subscription)[:-7]}do/rotate/")
    (shown,) = re.findall(r"whsec_[A-Za-z0-9+/=]+", answer.content.decode())
    assert shown == secret_of(subscription)
    assert "no-store" in answer["Cache-Control"]
    assert not any(shown in cookie.OutputString() for cookie in answer.cookies.values())
    assert shown not in console.get(address_of(subscription)).content.decode()


def test_switching_off_and_ending(console, api, crm):
    subscription = subscribe(api, "https://example.com/hook")
    assert "It is switched off" in do(console, subscription, "disable")
    assert "Disabled: switched off by hand." in console.get(address_of(subscription)).content.decode()
    assert "The subscription is ended." in do(console, subscription, "end")
    assert not Subscription.objects.exists()


def test_a_monitor_replays_and_changes_nothing_else(api, crm, monitor, receiver):
    subscription = subscribe(api, receiver.url)
    fire(crm)
    work_off()
    watching = signed_in(monitor)
    for verb in ("rotate", "disable", "end"):
        assert "That cannot be done here" in do(watching, subscription, verb)
    assert "sent again" in do(watching, Delivery.objects.get(), "replay")
