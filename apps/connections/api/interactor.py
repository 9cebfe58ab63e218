"""Tokens and credentials in the Interactor conventions: a token is a credential seen from its connector."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.fields import NaiveStampField, UuidField
from apps.accounts.api.interactor import EMPTY_TEXT, NOTHING_TO_SAY, USER, InteractorView, InteractorViewSet
from apps.accounts.end_users import find_end_user
from apps.accounts.models import EndUser
from apps.connections import bundles, consents, credentials
from apps.connections.models import Connection
from apps.connectors.models import Connector
from apps.connectors.resolve import find_connector
from apps.core.actors import Verb
from apps.core.errors import BadRequestError, ValidationError
from apps.wire.fields import AnyField, IdField, NameField, ObjectField, Part, TextField, WordField
from apps.wire.paging import list_page
from apps.wire.stamps import naive_stamp

FORMS = {"oauth": "oauth", "api_key": "key"}


class TokenSerializer(Part):
    type = WordField(FORMS)
    name = NameField(required=False)
    token = TextField(allow_null=True)
    code = TextField(allow_null=True)
    tokenType = TextField(allow_null=True)
    refreshToken = TextField(allow_null=True)
    connectorUrl = TextField(allow_null=True, max_length=500)


class TokenAnswerSerializer(Part):
    id = IdField(required=True)
    name = TextField(required=True)


class UserTokenSerializer(Part):
    name = TextField(allow_null=True, max_length=200)
    connectorSecurityId = TextField(required=True)
    oauth = ObjectField(allow_null=True)
    key = AnyField()
    basic = ObjectField(allow_null=True)
    connectorUrl = TextField(allow_null=True, max_length=500)


class CredentialSerializer(Part):
    """One of key, basic and oauth is there, the others are null. Secrets are redacted unless revealed."""

    id = UuidField(required=True)
    name = TextField(required=True)
    key = AnyField(required=True)
    basic = ObjectField(required=True, allow_null=True)
    oauth = ObjectField(required=True, allow_null=True)
    userId = UuidField(required=True)
    connectorId = UuidField(required=True)
    insertedAt = NaiveStampField(required=True)
    updatedAt = NaiveStampField(required=True)
    virtualId = UuidField(required=True)


class TokenViewSet(InteractorViewSet):
    serializer_class = TokenSerializer
    answer_serializers = {
        "list": TokenAnswerSerializer,
        "retrieve": TokenAnswerSerializer,
        "update": EMPTY_TEXT,
        "destroy": EMPTY_TEXT,
    }
    parameters = {"list": [USER], "retrieve": [USER], "update": [USER], "destroy": [USER]}

    @property
    def effect_in_transaction(self) -> bool:
        """A code is exchanged with its server, which no transaction may wait for."""
        return self.request.method not in ("PUT", "PATCH")

    def connector(self) -> Connector:
        return find_connector(self.kwargs["connectorId"], organization_id=self.actor.organization_id)

    def row(self) -> Connection:
        connector = self.connector()
        return credentials.find_token(self.kwargs["tokenId"], end_user=self.acting_user(), connector=connector)

    def list(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.VIEW)
        connector = self.connector()
        rows = credentials.credentials_of(self.acting_user(), connector=connector).defer("document", "secret")
        return list_page(rows, request=request, show=show_token, short=frozenset({"id", "name"}))

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.VIEW)
        return Response(show_token(self.row()))

    def update(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.EDIT)
        row, body = self.row(), self.body()
        form, values = self.changed(row, body)
        credentials.change_credential(
            actor=self.actor,
            credential=row,
            name=body.get("name"),
            form=form,
            values=values,
            base_uri=(body["connectorUrl"] or "") if "connectorUrl" in body else None,
        )
        return Response(NOTHING_TO_SAY)

    def changed(self, row: Connection, body: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
        """(form, all values as they are to be); None: they stay."""
        stored_form, stored = credentials.values_of(row)
        form = FORMS[body["type"]] if "type" in body else stored_form
        told = {name: body[name] for name in ("token", "tokenType", "refreshToken", "code") if body.get(name)}
        if not told:
            if form != stored_form:
                raise BadRequestError("token is required where the type changes.", field="token")
            return form, None
        if row.security is not None:
            bundles.require_form(form, security=row.security)
        if "code" in told:
            if form != "oauth":
                raise ValidationError("code is for type oauth.", field="code")
            return form, consents.exchange_foreign_code(row, told["code"], redirect_uri=callback_of(self.request))
        kept = stored if form == stored_form else {}
        if form == "oauth":
            if told.get("token"):
                kept = {name: value for name, value in kept.items() if name != "expiresAt"}
            changes = {"accessToken": told.get("token"), **{n: told.get(n) for n in ("tokenType", "refreshToken")}}
        else:
            name = "password" if form == "basic" else bundles.key_name(kept) or "key"
            changes = {name: told.get("token")}
        new = {name: value for name, value in changes.items() if value}
        return form, bundles.checked(form, {**kept, **bundles.unredacted(new, stored=stored)})

    def destroy(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.DELETE)
        credentials.delete_credential(actor=self.actor, credential=self.row())
        return Response(NOTHING_TO_SAY)


class CredentialViewSet(InteractorViewSet):
    serializer_class = UserTokenSerializer
    answer_serializers = {"list": CredentialSerializer, "create": CredentialSerializer}
    parameters = {"list": [OpenApiParameter("redact", bool, description="Hide secret values. True, if left out.")]}

    def owner(self) -> EndUser:
        return find_end_user(self.kwargs["userId"], organization_id=self.actor.organization_id)

    def list(self, request: Request, **kwargs: str) -> Response:
        """`redact=false` is for those who may reveal secrets, is written down, and is kept by no cache."""
        self.actor.require(Verb.SECRETS)
        end_user, reveal = self.owner(), self.reveals(request)
        rows = credentials.credentials_of(end_user)
        shown: list[Connection] = []

        def show(row: Connection) -> dict[str, Any]:
            shown.append(row)
            return show_credential(row, reveal=reveal)

        response = list_page(rows, request=request, show=show, short=frozenset({"id", "name"}))
        if reveal:
            for row in shown:
                credentials.note(self.actor, "view", row)
        response["Cache-Control"] = "no-store"
        return response

    def reveals(self, request: Request) -> bool:
        text = request.query_params.get("redact", "").lower()
        if text not in ("", "true", "false", "1", "0"):
            raise BadRequestError("redact must be true or false.", field="redact")
        return text in ("false", "0") and self.actor.may(Verb.REVEAL)

    def create(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.EDIT)
        end_user, body = self.owner(), self.body()
        security = credentials.find_security(body["connectorSecurityId"], organization_id=self.actor.organization_id)
        form, values = bundles.read_bundle(body, security=security)
        row = credentials.store_credential(
            actor=self.actor,
            end_user=end_user,
            security=security,
            form=form,
            values=values,
            name=body.get("name") or "",
            base_uri=body.get("connectorUrl") or "",
        )
        return Response(show_credential(row, reveal=False), headers={"Cache-Control": "no-store"})


class OAuthUrlView(InteractorView):
    """The consent page's address, where an end user goes to let the connector in."""

    answer_serializer = {"type": "string", "format": "uri"}
    parameters = {"GET": [USER]}
    effect_in_transaction = False  # a hook may ask its server first

    def get(self, request: Request, **kwargs: str) -> Response:
        self.actor.require(Verb.EDIT)
        connector = find_connector(self.kwargs["connectorId"], organization_id=self.actor.organization_id)
        end_user = self.acting_user()
        security = consents.oauth_security(connector, request.query_params.get("connectorSecurityId"))
        chosen = request.query_params.get("userCredentialId")
        credential = credentials.find_token(chosen, end_user=end_user, connector=connector) if chosen else None
        url = consents.begin(
            actor=self.actor,
            end_user=end_user,
            security=security,
            redirect_uri=callback_of(request),
            credential=credential,
        )
        return Response(url, headers={"Cache-Control": "no-store"})


def callback_of(request: Request) -> str:
    return consents.callback_address(request._request)


def show_token(row: Connection) -> dict[str, Any]:
    return {"id": str(row.id), "name": row.name}


def show_credential(row: Connection, *, reveal: bool) -> dict[str, Any]:
    form, values = credentials.values_of(row)
    shown = values if reveal else bundles.redacted(values)
    return {
        "id": str(row.id),
        "name": row.name,
        **{name: shown if name == form else None for name in bundles.FORMS},
        "userId": str(row.end_user_id),
        "connectorId": str(row.connector_id),
        "insertedAt": naive_stamp(row.created_at),
        "updatedAt": naive_stamp(row.updated_at),
        "virtualId": str(row.id),
        "needsReconnect": row.needs_reconnect,
    }
