"""Connections to mail servers: an extra of ours.

`email`: host, port, security (starttls, the default; tls from the first byte; none), username, password, from, ca,
disableStrictSSL, concurrencyLevel.
"""

from dataclasses import dataclass, field

from apps.connections.documents.files import HOST
from apps.connections.documents.tls import DEFAULT_TLS, Tls
from apps.connections.reading import Reader

MAIL_PORTS = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(frozen=True)
class EmailDocument:
    """`sender` is what mails come from, unless their import says otherwise."""

    host: str
    port: int
    security: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""
    tls: Tls = DEFAULT_TLS


def parse_email(email: Reader) -> EmailDocument:
    host = email.text("host", required=True)
    if not HOST.match(host):
        raise email.error("host", "must be a host name or an address")
    security = email.choice("security", tuple(MAIL_PORTS), default="starttls")
    user, password = email.text("username"), email.text("password")
    if bool(user) != bool(password):
        missing = "password" if user else "username"
        raise email.error(missing, "must come with the other: a login has both")
    sender = email.text("from")
    if any(mark in sender for mark in "\r\n"):
        raise email.error("from", "must not hold line breaks")
    email.number("concurrencyLevel", low=1, high=50)
    return EmailDocument(
        host=host,
        port=email.number("port", low=1, high=65535) or MAIL_PORTS[security],
        security=security,
        user=user,
        password=password,
        sender=sender,
        tls=Tls(verify=not email.flag("disableStrictSSL"), ca=email.text("ca")),
    )
