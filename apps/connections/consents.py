"""To a provider's consent page and back. `state` is signed, good once and for ten minutes; the code's proof (PKCE) and
what a hook has changed wait sealed in the row that it names.
"""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.conf import settings as django_settings
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.http import HttpRequest

from apps.accounts.models import EndUser
from apps.connections import credentials, grants, oauth, oauth_requests, tokens
from apps.connections.calls import run_version_hook
from apps.connections.effects import Call
from apps.connections.journal import MemoryJournal
from apps.connections.models import Connection, ConnectSession, Consent
from apps.connections.oauth_requests import TokenRefusedError, TokenUnavailableError
from apps.connections.secrets import unseal
from apps.connectors.models import Connector, Security
from apps.connectors.resolve import find_security, find_version
from apps.core import clock, vault
from apps.core.actors import Actor, system_actor
from apps.core.errors import BadRequestError, DomainError, NotFoundError, ValidationError
from apps.core.ids import new_id, parse_id

LIFETIME = timedelta(minutes=10)
KEPT = timedelta(days=1)
PURPOSE = "consent"
CALLBACK = "/oauth/callback"
_signer = Signer(sep=".", salt="oauth state")


class ConsentFailedError(DomainError):
    """The end user's way ends here; the message is for them. `session`: where they came from."""

    status = 400
    code = "consent_failed"

    def __init__(self, message: str, *, denied: bool = False, session: ConnectSession | None = None) -> None:
        super().__init__(message)
        self.denied, self.session = denied, session


@dataclass(frozen=True)
class Connected:
    credential: Connection
    session: ConnectSession | None


def callback_address(request: HttpRequest) -> str:
    return base_address(request) + CALLBACK


def base_address(request: HttpRequest) -> str:
    return django_settings.PUBLIC_URL or f"{request.scheme}://{request.get_host()}"


def oauth_security(connector: Connector, text: object = None) -> Security:
    """The named one, else the default version's, else the connector's newest of type oauth2."""
    rows = connector.securities.filter(type=Security.Type.OAUTH2).select_related("connector")
    if text:
        return find_security(connector, text)
    default = connector.default_version.default_security_id if connector.default_version else None
    found = rows.filter(pk=default).first() or rows.order_by("-id").first()
    if found is None:
        raise ValidationError(f"The connector {connector.name} has no security of type oauth2.", field="connectorId")
    return found


def begin(
    *,
    actor: Actor,
    end_user: EndUser,
    security: Security,
    redirect_uri: str,
    credential: Connection | None = None,
    session: ConnectSession | None = None,
) -> str:
    """The address of the consent page. `credential`: the one to connect anew."""
    over = hook_changes(security, end_user=end_user)
    settings = oauth.settings_of(security, over=over)
    if settings.grant != oauth.CODE:
        raise ValidationError(f"{security.name} needs nobody's consent: it works by client credentials.", field="type")
    row = Consent(
        organization_id=actor.organization_id,
        connector=security.connector,
        security=security,
        end_user=end_user,
        connection=credential,
        session=session,
        redirect_uri=redirect_uri,
    )
    return _send_off(row, settings, over=over)


def begin_own(*, actor: Actor, connection: Connection, redirect_uri: str) -> str:
    """The address where an operator lets a connection in that names its provider itself (`http.auth.oauth`)."""
    document = unseal(connection.document, bytes(connection.secret), type=connection.type, connection_id=connection.id)
    if not grants.is_own(connection) or grants.auth_of(document).get("type") != "oauth":
        raise ValidationError(f"{connection.name} is not a connection of auth type oauth.", field="http.auth.type")
    settings = grants.own_settings(document)
    if settings.grant != oauth.CODE:
        message = f"{connection.name} needs nobody's consent: it gets its token by itself."
        raise ValidationError(message, field="http.auth.oauth.grantType")
    row = Consent(organization_id=actor.organization_id, connection=connection, redirect_uri=redirect_uri)
    return _send_off(row, settings, over={})


def _send_off(row: Consent, settings: oauth.OAuthSettings, *, over: Mapping[str, Any]) -> str:
    verifier = secrets.token_urlsafe(48) if settings.pkce else ""
    row.id, row.expires_at = new_id(), clock.now() + LIFETIME
    row.sealed = vault.encrypt_json({"verifier": verifier, "over": over}, purpose=PURPOSE, row=row.id)
    Consent.objects.filter(expires_at__lt=clock.now() - KEPT).delete()
    row.save(force_insert=True)
    return consent_url(settings, state=_signer.sign(row.hex_id), redirect_uri=row.redirect_uri, verifier=verifier)


def consent_url(settings: oauth.OAuthSettings, *, state: str, redirect_uri: str, verifier: str) -> str:
    parts = urlsplit(settings.authorization_url)
    query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **settings.authorization_parameters}
    query |= {"response_type": "code", "client_id": settings.client_id, "redirect_uri": redirect_uri, "state": state}
    if settings.scopes:
        query["scope"] = settings.scope
    if verifier:
        query |= {"code_challenge": challenge_of(verifier), "code_challenge_method": "S256"}
    return urlunsplit(parts._replace(query=urlencode(query)))


def challenge_of(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def hook_changes(security: Security, *, end_user: EndUser) -> dict[str, Any]:
    """What the default version's `oauth` hook lays over the security's `config`: {tokenUrl, scopes…}."""
    try:
        version = find_version(security.connector)
    except NotFoundError:
        return {}
    if "oauth" not in version.logic:
        return {}
    call = Call(organization_id=end_user.organization_id, journal=MemoryJournal())
    who = {"userId": end_user.external_id, "email": end_user.email, "name": end_user.name}
    found = run_version_hook(call=call, version=version, hook="oauth", input=who)
    if found is not None and not isinstance(found, Mapping):
        raise ValidationError(f"The oauth hook of {security.connector.name} must give an object.", field="logic.oauth")
    return dict(found or {})


def finish(*, query: Mapping[str, str]) -> Connected:
    """What the provider sent the end user back with. Raises ConsentFailedError, once and for all for this state."""
    row = _use(query.get("state", ""))
    if query.get("error"):
        denied = query["error"] == "access_denied"
        told = "Access was declined." if denied else f"The provider refused: {readable(query['error'])}."
        raise ConsentFailedError(told, denied=denied, session=row.session)
    if not query.get("code"):
        raise ConsentFailedError("The provider sent no code.", session=row.session)
    sealed = vault.decrypt_json(bytes(row.sealed), purpose=PURPOSE, row=row.id)
    try:
        settings = _settings_of(row, sealed["over"])
        granted = oauth_requests.exchange_code(
            settings,
            code=query["code"],
            redirect_uri=row.redirect_uri,
            verifier=sealed["verifier"],
            organization=row.organization_id.hex,
        )
    except (TokenRefusedError, TokenUnavailableError, ValidationError) as error:
        raise ConsentFailedError(error.message, session=row.session) from error
    return Connected(_keep(row, granted, over=sealed["over"]), row.session)


def _settings_of(row: Consent, over: Mapping[str, Any]) -> oauth.OAuthSettings:
    if row.security is not None:
        return oauth.settings_of(row.security, over=over)
    known = row.connection
    if known is None:
        raise ValidationError("The connection that this was for is gone.", field="connection")
    return grants.own_settings(unseal(known.document, bytes(known.secret), type=known.type, connection_id=known.id))


def _use(state: str) -> Consent:
    try:
        row_id = parse_id(_signer.unsign(state))
    except BadSignature:
        row_id = None
    rows = Consent.objects.select_related("security__connector", "end_user", "connection", "session")
    row = rows.filter(pk=row_id).first() if row_id else None
    if row is None:
        raise ConsentFailedError("This address is not one that we gave out, or it is too old.")
    if row.expires_at < clock.now():
        raise ConsentFailedError("This took too long: start again, please.", session=row.session)
    if not Consent.objects.filter(pk=row.pk, used_at=None).update(used_at=clock.now()):
        raise ConsentFailedError("This address was used already: start again, please.")
    return row


def _keep(row: Consent, granted: dict[str, Any], *, over: Mapping[str, Any]) -> Connection:
    """In the credential that is connected anew, else in one of that security that waits for it, else in a new one."""
    known = row.connection or _waiting(row)
    if known is not None:
        with transaction.atomic():
            tokens.keep(known.id, granted, oauth_changes=over)
            if not grants.is_own(known):
                credentials.note(system_actor(row.organization_id), "update", known)
        found = Connection.objects.filter(pk=known.id).first()
        if found is not None:
            return found
    if row.end_user is None or row.security is None:
        raise ConsentFailedError("The connection that this was for is gone.")
    return credentials.store_credential(
        actor=system_actor(row.organization_id),
        end_user=row.end_user,
        security=row.security,
        form="oauth",
        values=granted,
        oauth=over,
    )


def _waiting(row: Consent) -> Connection | None:
    if row.end_user is None:
        return None
    rows = Connection.objects.filter(organization_id=row.organization_id, end_user=row.end_user, needs_reconnect=True)
    return rows.filter(security=row.security).order_by("-id").first()


def exchange_foreign_code(credential: Connection, code: str, *, redirect_uri: str) -> dict[str, Any]:
    """For a code that a caller has fetched with our callback as its address, and brings by itself."""
    if credential.security is None:
        raise BadRequestError("The security of this token is gone: a code cannot be exchanged.", field="code")
    settings = oauth.settings_of(credential.security)
    return oauth_requests.exchange_code(
        settings, code=code, redirect_uri=redirect_uri, organization=credential.organization_id.hex
    )


def readable(word: str) -> str:
    return "".join(letter for letter in word[:80] if letter.isprintable())
