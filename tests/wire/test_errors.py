"""Whatever goes wrong, the answer has its dialect's shape and says what."""

import logging

import pytest
from django.contrib import admin
from django.http import HttpRequest
from django.urls import path
from rest_framework.response import Response

from apps.core.errors import RateLimitedError
from apps.wire.dialects import Dialect
from apps.wire.errors import Failure, Item, rely
from apps.wire.rendering import OrjsonRenderer
from apps.wire.viewsets import WireView
from tests.api import Api, codes_of, fields_of

pytestmark = pytest.mark.django_db


class BrokenView(WireView):
    def get(self, request: HttpRequest) -> Response:
        raise RuntimeError("the secret is hunter2")

    def post(self, request: HttpRequest) -> Response:
        raise RateLimitedError("Slow down.", retry_after=7)


class BrokenInteractorView(BrokenView):
    dialect = Dialect.INTERACTOR


urlpatterns = [
    path("console/", admin.site.urls),  # middleware asks for its address
    path("v1/broken", BrokenView.as_view()),
    path("v1/user/broken", BrokenInteractorView.as_view()),
]


def test_malformed_json_names_line_and_column(owner):
    answer = Api(owner).post("/v1/flows", b'{"name": "a",\n  "x": }')
    assert answer.status_code == 400
    assert "line 2 column 8" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"name": "a\\u0000b"}', "name holds a NUL character"),
        (b'{"a\\u0000b": 1}', "member name"),
        (b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}", "nested more than 100 deep"),
        (b"[" * 100_000, "Malformed JSON"),
        (b'{"settings": {"a": [1e30]}}', "settings.a[0] is a number beyond 64 bits"),
        (b"""{"settings": {"a": -92233720368547758080, "b": 5}}""", "settings.a is a number beyond 64 bits"),
        (b'{"a": NaN}', "Malformed JSON"),
        (b'{"a": "\xff"}', "Malformed JSON"),
        (b'{"name": "\\ud800"}', "Malformed JSON"),
    ],
)
def test_bodies_that_cannot_be_kept_are_refused(owner, body, said):
    answer = Api(owner).post("/v1/flows", body)
    assert answer.status_code == 400
    assert said in answer.json()["errors"][0]["message"]


def test_a_backslash_before_u0000_is_text_like_any_other(owner):
    answer = Api(owner).post("/v1/integrations", b'{"name": "a\\\\u0000b"}')
    assert answer.status_code == 201
    assert answer.json()["name"] == "a\\u0000b"


def test_numbers_of_64_bits_come_back_as_they_were(owner):
    body = b'{"name":"a","settings":[9223372036854775807,-9223372036854775807,1.5e3,1e-30,0.1]}'
    answer = Api(owner).post("/v1/integrations", body)
    assert answer.json()["settings"] == [9223372036854775807, -9223372036854775807, 1500, 1e-30, 0.1]


def test_an_integer_no_64_bits_hold_is_shown_all_the_same():
    assert OrjsonRenderer().render({"n": 10**30}) == b'{"n":1000000000000000000000000000000}'


def test_a_body_beyond_the_limit_is_413(owner, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = Api(owner).post("/v1/scripts", {"name": "s", "content": "x" * 2000})
    assert answer.status_code == 413
    assert codes_of(answer) == ["too_large"]
    kept = Api(owner).post("/v1/scripts", {"name": "s", "content": "x" * 2000}, Idempotency_Key="k")
    assert kept.status_code == 413


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"5", b"null", b"true"])
def test_a_document_must_be_an_object(owner, body):
    answer = Api(owner).post("/v1/flows", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["message"]


def test_another_media_type_is_415_and_another_method_405(client, owner):
    answer = client.post("/v1/flows", "a=1", content_type="application/x-www-form-urlencoded", headers=owner.headers)
    assert answer.status_code == 415
    assert codes_of(answer) == ["unsupported_media_type"]
    answer = Api(owner).put("/v1/flows", {})
    assert answer.status_code == 405
    assert codes_of(answer) == ["method_not_allowed"]


@pytest.mark.parametrize(
    ("address", "shape"),
    [
        ("/v1/nothing/here", {"errors"}),
        ("/v1/flows/", {"errors"}),
        ("/v1/user/a/b/c/d", {"error"}),
        ("/api/v1/flows/a/b/c", {"detail"}),
        ("/api/v9/nothing", {"detail", "code"}),
    ],
)
def test_an_unknown_address_is_404_in_its_dialect(owner, address, shape):
    for person in (None, owner):
        answer = Api(person).get(address)
        assert answer.status_code == 404
        assert set(answer.json()) == shape


@pytest.mark.urls("tests.wire.test_errors")
def test_an_unexpected_error_is_500_in_shape_and_logged_under_the_id_it_shows(owner, caplog):
    with caplog.at_level(logging.ERROR, logger="apps.wire.errors"):
        answer = Api(owner).get("/v1/broken")
    assert answer.status_code == 500
    assert codes_of(answer) == ["internal_error"]
    message = answer.json()["errors"][0]["message"]
    assert "hunter2" not in message
    logged = next(record for record in caplog.records if record.name == "apps.wire.errors")
    assert message.rstrip(".").split()[-1] in logged.getMessage()
    assert "the secret is hunter2" in str(logged.exc_info[1])


@pytest.mark.urls("tests.wire.test_errors")
def test_each_view_fails_in_its_own_dialect(owner, caplog):
    assert set(Api(owner).get("/v1/user/broken").json()) == {"error"}


@pytest.mark.urls("tests.wire.test_errors")
def test_what_is_to_be_tried_later_says_when(owner):
    answer = Api(owner).post("/v1/broken", {})
    assert answer.status_code == 429
    assert answer["Retry-After"] == "7"


def test_validation_errors_come_all_at_once_and_name_their_fields(owner):
    answer = Api(owner).post(
        "/v1/exports",
        {"pageSize": "20", "http": {"method": "GET", "relativeURI": "/", "headers": [{"name": "a"}]}, "type": "weekly"},
    )
    assert answer.status_code == 422
    assert sorted(fields_of(answer)) == ["http.headers[0].value", "name", "pageSize", "type"]
    assert "missing_required_field" in codes_of(answer)


def test_rely_tells_validation_errors_as_a_list_and_the_rest_as_text():
    refused = Failure(422, [Item("missing_required_field", "field required", "actions[0].id")])
    assert rely(refused)["detail"] == [
        {"loc": ["body", "actions", 0, "id"], "msg": "field required", "type": "value_error.missing"}
    ]
    assert rely(Failure(404, [Item("not_found", "No such flow.")])) == {"detail": "No such flow."}
