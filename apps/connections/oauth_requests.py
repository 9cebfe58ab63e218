"""Calls to a token endpoint, through the gateway: what was granted, or why not and whether asking again may help."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from apps.connections import bundles
from apps.connections.oauth import OAuthSettings
from apps.core import clock, gateway
from apps.core.errors import DomainError, ValidationError
from apps.core.gateway import BadResponse, GatewayError, Request, Response, SendContext
from apps.engine.paths import compile_getter

TIMEOUT = 20.0  # shorter than the lease of a refresh
MAX_ANSWER = 256 * 1024
PASSING = (408, 425, 429)
# A person cannot mend these by consenting anew: the client or the request is wrong.
OUR_FAULT = ("invalid_client", "unauthorized_client", "invalid_request", "unsupported_grant_type", "invalid_scope")
LATER = ("temporarily_unavailable", "server_error", "slow_down")


class TokenRefusedError(DomainError):
    """The server said no, and will say so again. `final`: what was granted is gone, a new consent is needed."""

    status = 502
    code = "oauth_refused"

    def __init__(self, message: str, *, final: bool) -> None:
        super().__init__(message)
        self.final = final


class TokenUnavailableError(DomainError):
    """No answer that settles it: asking again may help."""

    status = 503
    code = "oauth_unavailable"


def exchange_code(
    settings: OAuthSettings, *, code: str, redirect_uri: str, verifier: str = "", organization: str
) -> dict[str, Any]:
    """The values of an `oauth` bundle."""
    body = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    if verifier:
        body["code_verifier"] = verifier
    return _ask(settings, settings.token_url, body, organization=organization)


def use_refresh_token(settings: OAuthSettings, *, refresh_token: str, organization: str) -> dict[str, Any]:
    """A server that sends no new refresh token lets the old one stand."""
    body = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    granted = _ask(settings, settings.refresh_url or settings.token_url, body, organization=organization)
    return {"refreshToken": refresh_token, **granted}


def client_credentials(settings: OAuthSettings, *, organization: str) -> dict[str, Any]:
    body = {"grant_type": "client_credentials", **({"scope": settings.scope} if settings.scopes else {})}
    return _ask(settings, settings.token_url, body, organization=organization)


def password(settings: OAuthSettings, *, name: str, password: str, organization: str) -> dict[str, Any]:
    body = {"grant_type": "password", "username": name, "password": password}
    if settings.scopes:
        body["scope"] = settings.scope
    return _ask(settings, settings.token_url, body, organization=organization)


def _ask(settings: OAuthSettings, url: str, body: dict[str, str], *, organization: str) -> dict[str, Any]:
    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    form = {**settings.token_parameters, **body}
    if settings.client_auth == "basic":
        pair = f"{quote(settings.client_id, safe='')}:{quote(settings.client_secret, safe='')}"
        headers["Authorization"] = "Basic " + b64encode(pair.encode()).decode()
    else:
        form["client_id"] = settings.client_id
        if settings.client_auth == "post":
            form["client_secret"] = settings.client_secret
    request = Request(
        method="POST",
        url=url,
        headers=headers,
        body=urlencode(form).encode(),
        effect="write",
        timeout=TIMEOUT,
        max_response_bytes=MAX_ANSWER,
        follow_redirects=False,
    )
    try:
        response = gateway.send(request, context=SendContext(organization=organization))
    except GatewayError as error:
        raise TokenUnavailableError(f"The token endpoint did not answer: {error.message}") from error
    return _granted(response, settings.token_path)


def _granted(response: Response, path: str = "") -> dict[str, Any]:
    answer = _parsed(response)
    if path:
        answer = {**answer, "access_token": compile_getter(path)(answer)}
    token = answer.get("access_token")
    if response.ok and isinstance(token, str) and token and token.isprintable():
        return _values(answer)
    word = answer.get("error") if isinstance(answer.get("error"), str) else ""
    told = answer.get("error_description")
    detail = f": {word}" if word else ""
    detail += f" ({str(told)[:200]})" if isinstance(told, str) and told else ""
    message = f"The token endpoint answered {response.status}{detail}."
    if response.status in PASSING or response.status >= 500 or word in LATER:
        raise TokenUnavailableError(message)
    if response.ok and not word:
        raise TokenUnavailableError(f"{message} It holds no access token.")
    raise TokenRefusedError(message, final=word not in OUR_FAULT)


def _parsed(response: Response) -> Mapping[str, Any]:
    """JSON, or a form, as older servers send it."""
    try:
        found = response.json()
    except BadResponse:
        found = dict(parse_qsl(response.body.decode("utf-8", "replace")))
    return found if isinstance(found, Mapping) else {}


def _values(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that was granted, in our spelling; what else the server tells is kept with it."""
    values = {bundles.OAUTH_NAMES.get(name, name): value for name, value in answer.items() if value is not None}
    lasts = bundles.lifetime(values.pop("expires_in", None))
    if lasts is not None:
        values["expiresAt"] = bundles.spell_expiry(clock.now() + lasts)
    try:
        return bundles.checked("oauth", values)
    except ValidationError as error:
        raise TokenUnavailableError(f"The token endpoint's answer cannot be used: {error.message}") from None
