"""The published schema is the serializers': whoever changes one changes what clients read."""

import json

import pytest

from apps.connectors.api.serializers import ConnectorSerializer, ConnectorWriteSerializer
from apps.wire.fields import TextField

pytestmark = pytest.mark.django_db


def schemas(client):
    answer = client.get("/api/schema/interactor/", headers={"Accept": "application/vnd.oai.openapi+json"})
    return json.loads(answer.content)["components"]["schemas"]


@pytest.mark.parametrize("serializer", [ConnectorSerializer, ConnectorWriteSerializer])
def test_a_member_added_to_a_serializer_is_in_the_published_schema(client, monkeypatch, serializer):
    name = serializer.__name__.removesuffix("Serializer")
    before = schemas(client)[name]
    assert "colour" not in before["properties"]
    fields = {**serializer._declared_fields, "colour": TextField(required=True)}
    monkeypatch.setattr(serializer, "_declared_fields", fields)
    after = schemas(client)[name]
    assert after["properties"].keys() - before["properties"].keys() == {"colour"}
    assert "colour" in after["required"]
