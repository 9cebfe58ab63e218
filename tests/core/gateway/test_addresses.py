import socket

import pytest

from apps.core import gateway
from apps.core.gateway import connector
from apps.core.gateway.addresses import check_address, refusal, resolve_checked, select_addresses
from apps.core.networks import parse_allow_networks


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700::1111%1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_addresses_that_are_not_public_are_refused(address):
    assert refusal(address) is not None


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111"])
def test_public_addresses_pass(address):
    assert refusal(address) is None


@pytest.mark.parametrize(
    "spelling",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:0:0:1]",
        "127.0.0.1.",
        "１２７.0.0.1",
    ],
)
def test_no_spelling_of_loopback_gets_past_the_guard(settings, peer, spelling):
    settings.JUNCTION_ALLOW_NETWORKS = []
    request = gateway.Request(method="GET", url=peer.url(host=spelling))

    with pytest.raises((gateway.AddressRefused, gateway.InvalidRequest)):
        gateway.send(request, context=gateway.SendContext())

    assert peer.connections == 0


def test_a_refusal_says_where_the_name_leads_and_what_would_allow_it(settings, peer):
    settings.JUNCTION_ALLOW_NETWORKS = []

    with pytest.raises(
        gateway.AddressRefused, match=r"127\.0\.0\.1, a loopback address.*JUNCTION_ALLOW_NETWORKS"
    ) as caught:
        gateway.send(gateway.Request(method="GET", url=peer.url()), context=gateway.SendContext())

    assert caught.value.category is gateway.Category.CONFIGURATION
    assert not caught.value.maybe_sent


def test_an_exception_opens_one_port_and_no_other(settings, peer, other_peer):
    settings.JUNCTION_ALLOW_NETWORKS = parse_allow_networks(f"127.0.0.1:{peer.port}")
    url = peer.on("/", b"HTTP/1.1 204 No Content\r\n\r\n")

    assert gateway.send(gateway.Request(method="GET", url=url), context=gateway.SendContext()).status == 204
    with pytest.raises(gateway.AddressRefused):
        gateway.send(gateway.Request(method="GET", url=other_peer.url()), context=gateway.SendContext())


def test_an_exception_by_name_holds_for_that_name_only(settings, peer):
    settings.JUNCTION_ALLOW_NETWORKS = parse_allow_networks(f"localhost:{peer.port}")
    peer.on("/", b"HTTP/1.1 204 No Content\r\n\r\n")

    by_name = gateway.Request(method="GET", url=peer.url(host="localhost"))
    assert gateway.send(by_name, context=gateway.SendContext()).status == 204
    with pytest.raises(gateway.AddressRefused):
        gateway.send(gateway.Request(method="GET", url=peer.url()), context=gateway.SendContext())


def test_a_kept_connection_does_not_outlive_the_exception_that_allowed_it(settings, peer):
    request = gateway.Request(method="GET", url=peer.on("/", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    gateway.send(request, context=gateway.SendContext())

    settings.JUNCTION_ALLOW_NETWORKS = []

    with pytest.raises(gateway.AddressRefused):
        gateway.send(request, context=gateway.SendContext())


def test_the_address_is_checked_again_when_the_socket_is_made(settings, peer, monkeypatch):
    """As if the name had answered otherwise between check and dial: the first check is made to pass."""
    settings.JUNCTION_ALLOW_NETWORKS = parse_allow_networks("192.0.2.0/24")
    monkeypatch.setattr(connector, "select_addresses", lambda found, **_: list(found))

    with pytest.raises(gateway.AddressRefused):
        gateway.send(gateway.Request(method="GET", url=peer.url(host="localhost")), context=gateway.SendContext())

    assert peer.connections == 0


def test_one_private_answer_condemns_a_name():
    with pytest.raises(gateway.AddressRefused, match=r"10\.0\.0\.5"):
        select_addresses(["93.184.216.34", "10.0.0.5"], port=443, host="mixed.example", allow=[])


def test_with_an_exception_only_the_allowed_answers_are_dialled():
    allow = parse_allow_networks("127.0.0.0/8")

    assert select_addresses(["::1", "127.0.0.1"], port=80, host="localhost", allow=allow) == ["127.0.0.1"]


def test_an_ipv4_exception_covers_its_mapped_spelling():
    check_address("::ffff:10.0.0.5", port=80, host="x", allow=parse_allow_networks("10.0.0.0/8"))


@pytest.mark.parametrize("host", ["", "/var/run/postgresql", "a,b", "host name", "x=y"])
def test_blocking_transports_refuse_what_is_not_a_host_name(host):
    with pytest.raises(gateway.InvalidRequest, match="not a host name"):
        resolve_checked(host, 5432)


def test_a_name_that_does_not_resolve_is_a_failed_connection():
    with pytest.raises(gateway.ConnectFailed, match=r"nowhere\.invalid does not resolve"):
        resolve_checked("nowhere.invalid", 80)


def test_the_hooks_of_aiohttp_that_the_guard_uses_are_there():
    import inspect

    import aiohttp

    assert {"resolver", "socket_factory"} <= set(inspect.signature(aiohttp.TCPConnector.__init__).parameters)
    assert "_retry_connection" in aiohttp.ClientSession.ATTRS
    assert socket.has_ipv6 is not None
