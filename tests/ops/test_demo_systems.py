"""The demonstration's sample systems, and when they are there."""

import json
import secrets

import pytest

from apps.connections.models import Connection
from apps.connections.resource import CONNECTIONS
from apps.core.errors import DomainError
from apps.core.gateway.addresses import allow_entries, check_address
from apps.executions.models import Execution
from apps.flows.models import Flow
from apps.flows.services.resources import FLOWS
from apps.integrations.models import Integration
from apps.integrations.services import INTEGRATIONS
from apps.ops.demo import inbox, shop
from apps.ops.demo.installing import install, own_host, start_embedded
from apps.ops.demo.views import digest
from apps.ops.models import Demo, DemoMessage, DemoOrder

ORDER = {"number": "SO-1", "total": 12.5, "currency": "EUR", "customer": {"email": "ann@example.com"}}


@pytest.fixture
def token() -> dict[str, str]:
    return {"x-demo-token": secrets.token_urlsafe()}


@pytest.fixture
def demo(organization, token):
    folder = Integration.objects.create(organization=organization, name="demo")
    return Demo.objects.create(integration=folder, token_digest=digest(token["x-demo-token"]))


@pytest.fixture
def send(client, token):
    def send_orders(body, key=""):
        headers = token | ({"idempotency-key": key} if key else {})
        return client.post("/demo/crm/orders", body, content_type="application/json", headers=headers)

    return send_orders


def test_the_sample_systems_are_not_there_without_the_demonstration(client, db, send, token):
    assert client.get("/demo/shop/orders", headers=token).status_code == 404
    assert send(ORDER).status_code == 404


def test_a_stranger_without_the_token_sees_and_writes_nothing(client, demo):
    for headers in ({}, {"x-demo-token": ""}, {"x-demo-token": "guess"}):
        for path in ("shop/orders", "shop/customers/C-1001", "crm/orders"):
            answer = client.get(f"/demo/{path}", headers=headers)
            assert answer.status_code == 401 and "data" not in answer.json()
        refused = client.post("/demo/crm/orders", ORDER, content_type="application/json", headers=headers)
        assert refused.status_code == 401
    assert not DemoOrder.objects.exists()


def test_the_shop_gives_every_order_once_page_by_page(client, demo, token):
    seen, page = [], 1
    while True:
        body = client.get(f"/demo/shop/orders?page={page}&size=400", headers=token).json()
        assert (body["page"], body["pages"], body["total"]) == (page, 8, 3000)
        seen += [order["number"] for order in body["data"]]
        if page == body["pages"]:
            break
        page += 1
    assert seen == [f"SO-{100_000 + number}" for number in range(1, 3001)]
    assert client.get("/demo/shop/orders?page=9&size=400", headers=token).json()["data"] == []


@pytest.mark.parametrize("query", ["page=0", "page=x", "page=-1", "size=501", "size=", "page=99999999"])
def test_a_bad_page_is_named(client, demo, query, token):
    answer = client.get(f"/demo/shop/orders?{query}", headers=token)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(query.split("=")[0])


def test_a_customer_is_found_or_not(client, demo, token):
    assert client.get("/demo/shop/customers/C-1001", headers=token).json() == shop.customers()["C-1001"]
    assert client.get("/demo/shop/customers/C-1999", headers=token).status_code == 404


def test_the_books_are_the_same_on_every_machine():
    assert shop.orders()[2000]["number"] == "SO-102001"
    assert len(shop.customers()) == 400
    assert {order["customer_id"] for order in shop.orders()} - set(shop.customers()) == {"C-1999", "C-2000", "C-0"}
    total = sum(float(order["amount"]) for order in shop.orders() if order["amount"][0].isdigit())
    assert round(total, 2) == 459_292.90  # SO-100001 to SO-103000, less the four that cannot be read


def test_one_order_is_answered_by_its_own_status(send, demo):
    assert (send(ORDER).status_code, send(ORDER).status_code) == (201, 200)
    refused = send(ORDER | {"customer": {"email": "orders@"}})
    assert (refused.status_code, refused.json()["error"]) == (
        422, "customer.email: 'orders@' is not an e-mail address.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"number": "../x"}, "number"),
        ({"total": "12"}, "total"),
        ({"total": -1}, "total"),
        ({"total": True}, "total"),
        ({"currency": "euro"}, "currency"),
        ({"customer": "ann@example.com"}, "customer.email"),
    ],
)
def test_a_bad_order_is_refused_by_name_and_not_stored(send, demo, change, hint):
    answer = send(ORDER | change)
    assert answer.status_code == 422 and answer.json()["error"].startswith(hint)
    assert not DemoOrder.objects.exists()


def test_in_a_list_only_the_bad_orders_are_refused(send, demo):
    answer = send([ORDER, 5, ORDER | {"number": "SO-2"}])
    assert answer.status_code == 207
    assert [result["status"] for result in answer.json()["results"]] == [201, 422, 201]
    assert sorted(DemoOrder.objects.values_list("number", flat=True)) == ["SO-1", "SO-2"]


def test_an_order_that_comes_again_is_one_order_and_a_repeated_key_is_seen(client, demo, send, token):
    for key in ("a", "a", "b"):
        send([ORDER], key=key)
    body = client.get("/demo/crm/orders", headers=token).json()
    assert (body["total"], body["received"], body["repeated"]) == (1, 3, 1)
    assert body["data"] == [ORDER]


@pytest.mark.parametrize(
    ("body", "status"), [("{", 400), (json.dumps([ORDER] * 1001), 413)], ids=["no-json", "too-many"]
)
def test_a_body_that_cannot_be_taken_is_told(client, demo, body, status, token):
    assert client.post("/demo/crm/orders", body, content_type="application/json", headers=token).status_code == status


def test_a_process_reaches_its_own_port_for_the_organization_of_the_demonstration_alone(
    transactional_db, owner, settings
):
    settings.JUNCTION_ALLOW_NETWORKS = []
    assert start_embedded(host="0.0.0.0", port=8123) is True
    mine = allow_entries(owner.organization.id.hex)
    check_address("127.0.0.1", port=8123, host="127.0.0.1", allow=mine)
    for others in (allow_entries(), allow_entries("another")):
        with pytest.raises(DomainError, match="JUNCTION_ALLOW_NETWORKS"):
            check_address("127.0.0.1", port=8123, host="127.0.0.1", allow=others)
    for address, port in (("127.0.0.1", 8124), ("127.0.0.2", 8123), ("10.0.0.1", 8123), ("::1", 8123)):
        with pytest.raises(DomainError, match="JUNCTION_ALLOW_NETWORKS"):
            check_address(address, port=port, host=address, allow=mine)


def test_a_second_start_changes_nothing_but_the_address(transactional_db, owner, settings):
    assert start_embedded(host="127.0.0.1", port=8123) is True
    assert start_embedded(host="127.0.0.1", port=8124) is False
    assert (Flow.objects.count(), Connection.objects.count(), Execution.objects.count()) == (1, 3, 1)
    places = {row.name: row.document.get("http", {}).get("baseURI") for row in Connection.objects.all()}
    assert places["Sample shop"] == "http://127.0.0.1:8124/demo/shop"
    assert places["Sample CRM"] == "http://127.0.0.1:8124/demo/crm"


def test_a_connection_that_was_led_elsewhere_stays_there(transactional_db, owner, settings):
    start_embedded(host="127.0.0.1", port=8123)
    row = Connection.objects.get(name="Sample CRM")
    document = CONNECTIONS.show(row)
    document["http"]["baseURI"] = "https://crm.example.com/orders"
    CONNECTIONS.replace(actor=owner.actor, row=row, document=document)
    start_embedded(host="127.0.0.1", port=8124)
    row.refresh_from_db()
    assert row.document["http"]["baseURI"] == "https://crm.example.com/orders"


def test_a_deleted_demonstration_stays_away_and_its_door_is_shut(transactional_db, owner, settings, client):
    start_embedded(host="127.0.0.1", port=8123)
    FLOWS.delete(actor=owner.actor, row=Flow.objects.get())
    INTEGRATIONS.delete(actor=owner.actor, row=Integration.objects.get())
    settings.JUNCTION_ALLOW_NETWORKS = []
    assert start_embedded(host="127.0.0.1", port=8123) is False
    assert (Flow.objects.count(), allow_entries()) == (0, ())
    assert client.get("/demo/shop/orders").status_code == 404


def test_whoever_has_flows_already_is_left_alone(transactional_db, owner):
    Flow.objects.create(organization=owner.organization, name="mine")
    assert install(base="https://junction.example.com") is False
    assert Flow.objects.count() == 1 and not Demo.objects.exists()


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("", "127.0.0.1"), ("localhost", "127.0.0.1"),
     ("::", "::1"), ("192.168.1.5", "192.168.1.5"), ("Box.local", "box.local")],
)  # fmt: skip
def test_a_process_finds_itself_where_it_listens(host, own):
    assert own_host(host) == own


def test_an_inbox_shows_what_came_and_its_signature(client, demo):
    headers = {"webhook-id": "msg_1", "webhook-signature": "v1,abc", "authorization": "Bearer x"}
    sent = client.post("/demo/inbox/mine", {"type": "t"}, content_type="application/json", headers=headers)
    assert sent.json() == {"received": True}
    [message] = client.get("/demo/inbox/mine").json()["messages"]
    assert json.loads(message["body"]) == {"type": "t"}
    assert message["headers"] == {"webhook-id": "msg_1", "webhook-signature": "v1,abc"}
    assert client.get("/demo/inbox/another").json() == {"messages": []}


def test_an_inbox_stays_small(client, demo, monkeypatch):
    monkeypatch.setattr(inbox, "KEPT", 3)
    for number in range(6):
        client.post("/demo/inbox/mine", {"n": number}, content_type="application/json")
    assert [json.loads(m["body"])["n"] for m in client.get("/demo/inbox/mine").json()["messages"]] == [5, 4, 3]
    huge = client.post("/demo/inbox/mine", b"x" * (inbox.LARGEST_BODY + 1), content_type="text/plain")
    assert huge.status_code == 413
    assert client.post("/demo/inbox/" + "n" * 41, {}, content_type="application/json").status_code == 404


def test_without_the_demonstration_there_is_no_inbox(client, db):
    assert client.post("/demo/inbox/mine", {}, content_type="application/json").status_code == 404
    assert not DemoMessage.objects.exists()
