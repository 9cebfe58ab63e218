"""What renews a connection's token, and where what was granted is kept: a credential's by its connector's security, a
connection of the Celigo documents by its own `http.auth` (oauth, or a token with a request that refreshes it).
"""

from collections.abc import Mapping
from typing import Any

from apps.connections import bundles, oauth, oauth_requests
from apps.connections.access import OpenConnection, open_row
from apps.connections.documents import HttpDocument
from apps.connections.http import make_request
from apps.connections.media import decode_body
from apps.connections.models import Connection
from apps.connections.oauth import OAuthSettings
from apps.connections.oauth_requests import TokenRefusedError, TokenUnavailableError
from apps.core import clock, gateway
from apps.core.errors import ValidationError
from apps.core.gateway import BadResponse, GatewayError, Mode, SendContext
from apps.engine.paths import compile_getter
from apps.engine.templates import TemplateError, compile

TIMEOUT = 20.0
# The documents' members, and what they are in the words of a connector's security.
MEMBERS = {
    "grantType": "grantType",
    "authURI": "authorizationUrl",
    "tokenURI": "tokenUrl",
    "scope": "scopes",
    "scopeDelimiter": "scopeDelimiter",
    "clientId": "clientId",
    "clientSecret": "clientSecret",
    "accessTokenPath": "accessTokenPath",
    **{name: name for name in ("pkce", "clientAuthentication", "authorizationParameters", "tokenParameters")},
}


def is_own(row: Connection) -> bool:
    """A connection of the Celigo documents: no connector stands behind it."""
    return row.connector_id is None and row.end_user_id is None


def own_settings(whole: Mapping[str, Any]) -> OAuthSettings:
    """Raises ValidationError naming the member of the connection's document."""
    given = auth_of(whole).get("oauth") or {}
    config = {MEMBERS[name]: value for name, value in given.items() if name in MEMBERS and value not in (None, "")}
    try:
        return oauth.read_settings(config)
    except ValidationError as error:
        theirs = next((ours for ours, name in MEMBERS.items() if error.field == f"config.{name}"), "")
        message = error.message.replace(error.field or " ", f"http.auth.oauth.{theirs}") if theirs else error.message
        raise ValidationError(message, field=f"http.auth.oauth.{theirs}".rstrip(".")) from None


def auth_of(whole: Mapping[str, Any]) -> dict[str, Any]:
    found = (whole.get("http") or {}).get("auth")
    return found if isinstance(found, dict) else {}


def stored_token(whole: Mapping[str, Any]) -> str:
    return (auth_of(whole).get("token") or {}).get("token") or ""


def values_of(row: Connection, whole: dict[str, Any]) -> dict[str, Any]:
    """accessToken, refreshToken, expiresAt and what else was granted."""
    if not is_own(row):
        return bundles.bundle_of(whole)[1]
    token = auth_of(whole).get("token") or {}
    values = {"accessToken": token.get("token"), "refreshToken": token.get("refreshToken")}
    return {name: value for name, value in {**values, "expiresAt": token.get("expiresAt")}.items() if value}


def with_granted(
    row: Connection, whole: dict[str, Any], granted: Mapping[str, Any], *, oauth_changes: Any = None
) -> dict[str, Any]:
    """The whole document with what was granted in its place. A token that says nothing of its end inherits none."""
    kept = {name: value for name, value in values_of(row, whole).items() if name != "expiresAt"}
    values = {**kept, **granted}
    if not is_own(row):
        changes = oauth_changes or auth_of(whole).get("oauth")
        return bundles.document_of("oauth", values, base_uri=whole["http"].get("baseURI", ""), oauth=changes)
    auth = auth_of(whole)
    token = {name: value for name, value in (auth.get("token") or {}).items() if name not in PASSING}
    token["token"] = values.get("accessToken") or ""
    for name in ("refreshToken", "expiresAt"):
        if values.get(name):
            token[name] = values[name]
    expires_at = bundles.expiry_of(values)
    if expires_at is not None:
        left = max((expires_at - clock.now()) / 5, bundles.NEARLY_OVER * 0)
        token["freshUntil"] = bundles.spell_expiry(expires_at - min(bundles.NEARLY_OVER, left))
    return {**whole, "http": {**whole["http"], "auth": {**auth, "token": token}}}


PASSING = ("expiresAt", "freshUntil", "refreshToken")


def renews_alone(row: Connection, whole: Mapping[str, Any]) -> bool:
    """Whether a token can be had without a person, and without a refresh token."""
    return oauth.grants_without_consent(whole) if is_own(row) else oauth.grants_itself(row.security)


def ask(row: Connection, whole: dict[str, Any]) -> dict[str, Any]:
    """What is granted now. Raises TokenRefusedError, TokenUnavailableError, ValidationError."""
    organization, values = row.organization_id.hex, values_of(row, whole)
    if not is_own(row):
        if row.security is None:
            raise TokenRefusedError("The security that it was connected by is gone.", final=True)
        brought = {name: values[name] for name in ("clientId", "clientSecret") if values.get(name)}
        settings = oauth.settings_of(row.security, over={**(auth_of(whole).get("oauth") or {}), **brought})
    elif auth_of(whole).get("type") == "token":
        return refresh(open_row(row), auth_of(whole)["token"])
    else:
        settings = own_settings(whole)
    if settings.grant == oauth.CLIENT_CREDENTIALS:
        return oauth_requests.client_credentials(settings, organization=organization)
    if settings.grant == oauth.PASSWORD:
        person = auth_of(whole).get("oauth") or {}
        name, password = str(person.get("username") or ""), str(person.get("password") or "")
        return oauth_requests.password(settings, name=name, password=password, organization=organization)
    if not values.get("refreshToken"):
        raise TokenRefusedError("Its access has ended, and nothing to renew it by was granted.", final=True)
    return oauth_requests.use_refresh_token(settings, refresh_token=values["refreshToken"], organization=organization)


def refresh(connection: OpenConnection, token: Mapping[str, Any]) -> dict[str, Any]:
    """The target's own way to a new token: a request of the document's, whose answer holds it at a path."""
    scope = {"connection": connection.values}
    try:
        uri = str(compile(token["refreshRelativeURI"], "handlebars", place="url").render(scope))
        body = str(compile(token.get("refreshBody") or "", "handlebars", place="json").render(scope))
        request = make_request(
            connection,
            method=token.get("refreshMethod") or "POST",
            relative_uri=uri,
            body=body.encode(),
            effect="write",
            timeout=TIMEOUT,
            authenticated=False,
        )
    except TemplateError as error:
        raise ValidationError(
            f"The refresh of the token cannot be rendered: {error}.", field="http.auth.token"
        ) from None
    context = SendContext(
        organization=connection.organization_id.hex, mode=Mode.LIVE, secrets=connection.secrets, tls=tls_of(connection)
    )
    try:
        response = gateway.send(request, context=context)
        found = decode_body(response) if response.ok else None
    except BadResponse as error:
        raise TokenUnavailableError(f"The answer to the refresh of the token cannot be read: {error.message}") from None
    except GatewayError as error:
        raise TokenUnavailableError(f"The refresh of the token was not answered: {error.message}") from error
    if not response.ok:
        message = f"The target answered {response.status} to the refresh of the token."
        if response.status >= 500 or response.status in oauth_requests.PASSING:
            raise TokenUnavailableError(message)
        raise TokenRefusedError(message, final=response.status in (400, 401, 403))
    text = compile_getter(token.get("refreshTokenPath") or "access_token")(found)
    if not isinstance(text, str) or not text or not text.isprintable():
        raise TokenUnavailableError("The answer to the refresh of the token holds none at auth.token.refreshTokenPath.")
    return {"accessToken": text}


def tls_of(connection: OpenConnection) -> gateway.Tls:
    document = connection.document
    if not isinstance(document, HttpDocument):
        return gateway.Tls()
    tls = document.tls
    return gateway.Tls(
        verify=tls.verify, ca=tls.ca, certificate=tls.certificate, key=tls.key, passphrase=tls.passphrase
    )
