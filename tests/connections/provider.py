"""An OAuth2 server on loopback, made of oauthlib's own: consent page, PKCE, refresh tokens that are good once.

A refresh token that comes a second time is taken for stolen: its whole family is revoked, as the RFCs advise.
"""

import os
import threading
import time
from dataclasses import dataclass, field
from html import escape
from types import SimpleNamespace
from urllib.parse import parse_qs, urlencode

from oauthlib.oauth2 import OAuth2Error, RequestValidator, Server

from tests.systems import Answer, Call, System

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback has no TLS
CLIENT_ID, CLIENT_SECRET = "junction", "s3cr3t of the client"
FORM = "application/x-www-form-urlencoded"


@dataclass
class Grant:
    """What one consent has given. `generation` counts its refreshes."""

    scopes: list[str]
    access: str = ""
    refresh: str = ""
    generation: int = 0
    revoked: bool = False


@dataclass
class Store(RequestValidator):
    codes: dict = field(default_factory=dict)
    access: dict = field(default_factory=dict)
    refresh: dict = field(default_factory=dict)
    reuses: int = 0

    def validate_client_id(self, client_id, request, *args, **kwargs):
        request.client = SimpleNamespace(client_id=client_id)
        return client_id == CLIENT_ID

    def validate_redirect_uri(self, client_id, redirect_uri, request, *args, **kwargs):
        return redirect_uri.endswith("/oauth/callback")

    def validate_scopes(self, client_id, scopes, client, request, *args, **kwargs):
        return set(scopes) <= {"read", "write"}

    def get_default_scopes(self, client_id, request, *args, **kwargs):
        return ["read"]

    def validate_response_type(self, client_id, response_type, client, request, *args, **kwargs):
        return response_type == "code"

    def is_pkce_required(self, client_id, request):
        return True

    def save_authorization_code(self, client_id, code, request, *args, **kwargs):
        self.codes[code["code"]] = SimpleNamespace(
            challenge=request.code_challenge, method=request.code_challenge_method,
            redirect_uri=request.redirect_uri, scopes=request.scopes,
        )  # fmt: skip

    def get_code_challenge(self, code, request):
        return self.codes[code].challenge

    def get_code_challenge_method(self, code, request):
        return self.codes[code].method

    def authenticate_client(self, request, *args, **kwargs):
        from base64 import b64decode
        from urllib.parse import unquote

        kind, _, pair = (request.headers.get("Authorization") or "").partition(" ")
        name, _, secret = b64decode(pair).decode().partition(":") if kind == "Basic" else ("", "", "")
        request.client = SimpleNamespace(client_id=CLIENT_ID)
        return (unquote(name), unquote(secret)) == (CLIENT_ID, CLIENT_SECRET)

    def validate_grant_type(self, client_id, grant_type, client, request, *args, **kwargs):
        return grant_type in ("authorization_code", "refresh_token", "client_credentials")

    def validate_code(self, client_id, code, client, request, *args, **kwargs):
        found = self.codes.get(code)
        request.scopes = found.scopes if found else []
        return found is not None

    def confirm_redirect_uri(self, client_id, code, redirect_uri, client, request, *args, **kwargs):
        return self.codes[code].redirect_uri == redirect_uri

    def invalidate_authorization_code(self, client_id, code, request, *args, **kwargs):
        self.codes.pop(code, None)

    def validate_refresh_token(self, refresh_token, client, request, *args, **kwargs):
        grant = self.refresh.get(refresh_token)
        if grant is None or grant.revoked:
            return False
        if grant.refresh != refresh_token:
            self.reuses += 1
            grant.revoked = True
            return False
        request.grant = grant
        return True

    def get_original_scopes(self, refresh_token, request, *args, **kwargs):
        return self.refresh[refresh_token].scopes

    def rotate_refresh_token(self, request):
        return True

    def save_bearer_token(self, token, request, *args, **kwargs):
        # oauthlib keeps no place for what we have found: an attribute it does not know reads as None.
        grant = getattr(request, "grant", None) or Grant(scopes=list(request.scopes or []))
        self.access.pop(grant.access, None)
        grant.access, grant.refresh = token["access_token"], token.get("refresh_token", "")
        grant.generation += 1
        self.access[grant.access] = (grant, time.time() + token["expires_in"])
        if grant.refresh:
            self.refresh[grant.refresh] = grant

    def validate_bearer_token(self, token, scopes, request):
        grant, until = self.access.get(token, (None, 0))
        return grant is not None and not grant.revoked and until > time.time()


class Provider:
    """`life`: seconds a token lasts. `fail`: an Answer instead of the next ones of the token endpoint."""

    def __init__(self, system: System) -> None:
        self.system, self.store, self.lock = system, Store(), threading.Lock()
        self.life, self.fail, self.delay = 3600, None, 0.0
        self.server = Server(self.store, token_expires_in=lambda request: self.life)
        system.routes["GET /authorize"] = self.consent_page
        system.routes["GET /decide"] = self.decide
        system.routes["POST /token"] = self.token
        system.routes["GET /favicon.ico"] = lambda call: Answer(raw=b"")
        system.routes["GET /me"] = self.me
        system.routes["POST /notes"] = self.me

    @property
    def config(self) -> dict:
        return {
            "authorizationUrl": f"{self.system.url}/authorize",
            "tokenUrl": f"{self.system.url}/token",
            "clientId": CLIENT_ID,
            "clientSecret": CLIENT_SECRET,
            "scopes": ["read", "write"],
        }

    @property
    def asked(self) -> list[dict[str, str]]:
        """What the token endpoint was asked."""
        return [{k: v[0] for k, v in parse_qs(c.body.decode()).items()} for c in self.system.made("POST /token")]

    def refreshes(self) -> int:
        return sum(body["grant_type"] == "refresh_token" for body in self.asked)

    def consent_page(self, call: Call) -> Answer:
        uri = f"{self.system.url}/authorize?{urlencode(call.query)}"
        try:
            self.server.validate_authorization_request(uri)
        except OAuth2Error as error:
            return Answer(
                400, raw=escape(f"bad request: {error.error}").encode(), headers={"Content-Type": "text/html"}
            )
        links = "".join(
            f'<a href="/decide?{escape(urlencode({**call.query, "answer": word}))}">{word}</a> '
            for word in ("Allow", "Deny")
        )
        page = f"<title>Consent</title><h1>Let Junction in?</h1>{links}"
        return Answer(raw=page.encode(), headers={"Content-Type": "text/html; charset=utf-8"})

    def decide(self, call: Call) -> Answer:
        query = dict(call.query)
        if query.pop("answer") == "Deny":
            sent = urlencode({"error": "access_denied", "state": query["state"]})
            return Answer(302, raw=b"", headers={"Location": f"{query['redirect_uri']}?{sent}"})
        uri = f"{self.system.url}/authorize?{urlencode(query)}"
        with self.lock:
            scopes, credentials = self.server.validate_authorization_request(uri)
            headers, _, status = self.server.create_authorization_response(uri, scopes=scopes, credentials=credentials)
        return Answer(status, raw=b"", headers=headers)

    def token(self, call: Call) -> Answer:
        if self.delay:
            time.sleep(self.delay)
        if self.fail is not None:
            return self.fail
        with self.lock:
            headers, body, status = self.server.create_token_response(
                f"{self.system.url}/token", "POST", call.body.decode(), {**call.headers, "Content-Type": FORM}
            )
        return Answer(status, raw=body.encode(), headers=headers)

    def me(self, call: Call) -> Answer:
        with self.lock:
            ok, _ = self.server.verify_request(f"{self.system.url}/me", "GET", None, call.headers, ["read"])
        return Answer(200, {"login": "ada"}) if ok else Answer(401, {"message": "Bad credentials"})

    def consent(self, url: str, *, answer: str = "Allow") -> str:
        """Goes to the consent page and decides; the address that the person is sent back to."""
        import http.client
        from urllib.parse import urlsplit

        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=20)
        connection.request("GET", f"/decide?{parts.query}&answer={answer}")
        response = connection.getresponse()
        response.read()
        connection.close()
        assert response.status == 302, response.status
        return str(response.headers["Location"])

    def expire(self) -> None:
        """All access tokens end now; refresh tokens stay."""
        with self.lock:
            for token, (grant, _) in list(self.store.access.items()):
                self.store.access[token] = (grant, 0)
