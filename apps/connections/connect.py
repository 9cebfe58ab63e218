"""Sessions of the connect page: one end user, one connector, ten minutes. A product asks for one and embeds its page.

The surprise: the token is the address's only secret, and is stored as a digest. Whoever has the address may connect for
that user, and do nothing else.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from apps.accounts.models import EndUser
from apps.connections import bundles, credentials, oauth, tokens
from apps.connections.access import open_row
from apps.connections.models import Connection, ConnectSession
from apps.connectors.models import Connector, Security
from apps.connectors.resolve import find_version
from apps.core import clock
from apps.core.actors import Actor, Verb, system_actor
from apps.core.errors import ConflictError, DomainError, NotFoundError, ValidationError

LIFETIME = timedelta(minutes=10)
KEPT = timedelta(days=1)
STARTED = "consent"  # choices whose way leads over a provider's consent page
TYPED = {"key": ("key",), "basic": ("username", "password"), "client": ("clientId", "clientSecret"), "ready": ()}


@dataclass(frozen=True)
class Choice:
    """One way to connect. `form`: consent, or what a person types: key, basic, client; ready: nothing."""

    security: Security
    form: str

    @property
    def id(self) -> str:
        return str(self.security.id)

    @property
    def label(self) -> str:
        return shown_label(self.security.document.get("label"), self.security.name)


def open_session(
    *,
    actor: Actor,
    end_user: EndUser,
    connector: Connector,
    redirect_url: str = "",
    credential: Connection | None = None,
) -> tuple[ConnectSession, str]:
    """The session and its token, which is nowhere else. `credential`: the one to connect anew."""
    actor.require(Verb.EDIT)
    if not connector.enabled:
        raise ConflictError(f"The connector {connector.name} is disabled.", field="connectorId")
    if not choices_of(connector):
        raise ValidationError(f"The connector {connector.name} needs no credential.", field="connectorId")
    token = secrets.token_urlsafe(32)
    ConnectSession.objects.filter(expires_at__lt=clock.now() - KEPT).delete()
    row = ConnectSession.objects.create(
        organization_id=actor.organization_id,
        digest=digest(token),
        connector=connector,
        end_user=end_user,
        connection=credential,
        redirect_url=checked_redirect(redirect_url),
        created_by_id=actor.user_id,
        expires_at=clock.now() + LIFETIME,
    )
    return row, token


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def find_session(token: str) -> ConnectSession:
    """Raises NotFoundError for what is unknown or over."""
    rows = ConnectSession.objects.select_related("connector__default_version", "end_user", "connection")
    row = rows.filter(digest=digest(token)).first()
    if row is None or (row.expires_at < clock.now() and row.outcome == ConnectSession.Outcome.OPEN):
        raise NotFoundError("This address is not valid any more. Start again where you came from, please.")
    return row


def choices_of(connector: Connector) -> list[Choice]:
    """The default version's security first."""
    default = connector.default_version.default_security_id if connector.default_version else None
    rows = connector.securities.exclude(type=Security.Type.NONE).order_by("id").select_related("connector")
    return sorted((Choice(row, form_of(row)) for row in rows), key=lambda choice: choice.security.id != default)


def form_of(security: Security) -> str:
    if security.type == Security.Type.OAUTH2:
        if not oauth.grants_itself(security):
            return STARTED
        config = security.document.get("config") or {}
        return "ready" if any(oauth.ALIASES.get(oauth.fold(name)) == "client_id" for name in config) else "client"
    scheme = str((security.document.get("config") or {}).get("scheme") or security.document.get("scheme") or "")
    return "basic" if security.type == Security.Type.BASIC or scheme.lower() == "basic" else "key"


def needs_address(connector: Connector) -> bool:
    """Whether each of its users has an address of their own."""
    try:
        return not find_version(connector).base_url
    except NotFoundError:
        return True


def choose(session: ConnectSession, security_id: str) -> Choice:
    for choice in choices_of(session.connector):
        if choice.id == security_id:
            return choice
    raise ValidationError("Choose one of the ways to connect, please.", field="security")


def connect(session: ConnectSession, choice: Choice, typed: Mapping[str, str]) -> Connection:
    """Keeps what the person has typed. Raises DomainError with a message for them."""
    base_uri = ""
    if needs_address(session.connector):
        base_uri = typed.get("connectorUrl", "").strip()
        if not base_uri:
            raise ValidationError("The address is missing.", field="connectorUrl")
    values = {name: typed.get(name, "").strip() for name in TYPED[choice.form]}
    for name, value in values.items():
        if not value:
            raise ValidationError(f"{LABELS[name]} is missing.", field=name)
    form = choice.form if choice.form in bundles.FORMS else "oauth"
    known = session.connection
    if known is not None and known.security_id == choice.security.id:
        row = credentials.change_credential(
            actor=system_actor(session.organization_id),
            credential=known,
            form=form,
            values=bundles.checked(form, values),
            base_uri=base_uri or None,
        )
    else:
        row = credentials.store_credential(
            actor=system_actor(session.organization_id),
            end_user=session.end_user,
            security=choice.security,
            form=form,
            values=bundles.checked(form, values),
            base_uri=base_uri,
        )
    if form == "oauth":
        _try(row, is_new=known is None)
    succeed(session, row)
    return row


LABELS = {
    "key": "The key",
    "username": "The user name",
    "password": "The password",
    "clientId": "The client id",
    "clientSecret": "The client secret",
}


def _try(row: Connection, *, is_new: bool) -> None:
    """Client credentials are good when a token comes of them."""
    try:
        tokens.fresh(open_row(row))
    except DomainError:
        if is_new:
            credentials.delete_credential(actor=system_actor(row.organization_id), credential=row)
        raise


def succeed(session: ConnectSession, credential: Connection) -> None:
    """A session is good for one success."""
    rows = ConnectSession.objects.filter(pk=session.pk)
    rows.update(outcome=ConnectSession.Outcome.SUCCESS, connection=credential, updated_at=clock.now())
    session.outcome, session.connection = ConnectSession.Outcome.SUCCESS, credential


def checked_redirect(text: str) -> str:
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or not text.isprintable() or " " in text or "\\" in text:
        raise ValidationError(
            "redirectUrl must be an address that starts with http:// or https://.", field="redirectUrl"
        )
    return text


def way_back(session: ConnectSession, status: str) -> str:
    """The product's own address with how it went, or nothing."""
    if not session.redirect_url:
        return ""
    parts = urlsplit(session.redirect_url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("status", status)]
    if status == "success" and session.connection_id:
        query.append(("userCredentialId", str(session.connection_id)))
    return urlunsplit(parts._replace(query=urlencode(query)))


def shown_label(label: Any, name: str) -> str:
    """In English, else in whatever language there is."""
    if isinstance(label, Mapping):
        found = label.get("en") or next((text for text in label.values() if text), "")
        return str(found) if found else name
    return name
