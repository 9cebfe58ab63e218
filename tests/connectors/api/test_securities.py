"""Securities over the API: ids of the caller's own, and secrets that never come back."""

import pytest

from apps.connectors.models import Security
from apps.connectors.securities import whole_config

CONFIG = {
    "tokenUrl": "https://id.example/token",
    "clientId": "junction",
    "clientSecret": "open sesame",
    "extra": {"password": "hidden too", "scopes": ["a"]},
}


def test_an_id_may_be_a_uuid_any_text_or_ours(crm):
    chosen = "339453cd-f297-4cda-ae2b-379f2026b3b5"
    assert crm.post(f"/crm/security/{chosen}", {"type": "apiKey"}) == {"id": chosen}
    assert crm.get(f"/crm/security/{chosen}")["type"] == "apiKey"
    named = crm.post("/crm/security/main@crm.example", {"type": "oauth2"})["id"]
    assert crm.get("/crm/security/main@crm.example")["id"] == named
    assert crm.get(f"/crm/security/{named}")["id"] == named
    plain = crm.post("/crm/security", {"type": "oauth2"})["id"]
    assert {row["id"] for row in crm.get("/crm/security")} == {chosen, named, plain}


def test_an_id_is_taken_once(crm):
    for text in ("339453cd-f297-4cda-ae2b-379f2026b3b5", "main"):
        crm.post(f"/crm/security/{text}", {"type": "oauth2"})
        assert crm.post(f"/crm/security/{text}", {"type": "oauth2"}, status=409)["error"]


def test_secrets_are_sealed_masked_and_kept_when_left_masked(crm):
    crm.post("/crm/security/main", {"type": "oauth2", "config": CONFIG})
    shown = crm.get("/crm/security/main")["config"]
    assert shown == {**CONFIG, "clientSecret": "******", "extra": {"password": "******", "scopes": ["a"]}}
    row = Security.objects.get()
    assert "open sesame" not in str(row.document)
    assert whole_config(row) == CONFIG
    assert crm.put("/crm/security/main", {"config": {**shown, "clientId": "new"}}, version="minor") == {}
    row.refresh_from_db()
    assert whole_config(row) == {**CONFIG, "clientId": "new"}
    crm.put("/crm/security/main", {"config": {"clientSecret": "changed"}}, version="1")
    row.refresh_from_db()
    assert whole_config(row) == {"clientSecret": "changed"}


def test_a_mask_where_nothing_is_stored_is_refused(crm):
    body = {"type": "oauth2", "config": {"clientSecret": "******"}}
    assert "config.clientSecret" in crm.post("/crm/security", body, status=422)["error"]


def test_no_secret_is_in_the_audit_log(crm):
    from apps.audit.models import AuditEntry

    crm.post("/crm/security/main", {"type": "oauth2", "config": CONFIG})
    crm.put("/crm/security/main", {"config": {**CONFIG, "clientSecret": "other secret"}}, version="1")
    log = str(list(AuditEntry.objects.values_list("changes", flat=True)))
    assert "sesame" not in log and "other secret" not in log


def test_an_update_is_partial_and_needs_a_version_but_no_type(crm):
    crm.post("/crm/security/main", {"type": "oauth2", "scheme": "bearer"})
    assert "version" in crm.put("/crm/security/main", {}, status=400)["error"]
    assert "version" in crm.put("/crm/security/main", {}, status=422, version=" ")["error"]
    crm.put("/crm/security/main", {"label": {"en": "Main"}}, version="minor")
    shown = crm.get("/crm/security/main")
    assert (shown["label"], shown["scheme"], shown["type"]) == ({"en": "Main"}, "bearer", "oauth2")
    crm.put("/crm/security/main", shown, version="minor")


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "type"),
        ({"type": "other"}, 422, "type"),
        ({"type": "oauth2", "config": []}, 422, "config"),
        ({"type": "oauth2", "label": "x"}, 422, "label"),
        ({"type": "oauth2", "scheme": 1}, 422, "scheme"),
    ],
)
def test_a_wrong_member_is_named(crm, body, status, field):
    assert field in crm.post("/crm/security", body, status=status)["error"]


def test_the_first_one_is_the_default_of_the_versions(crm):
    crm.post("/crm/version", {"name": "1.0.0"})
    assert crm.get("/crm/version/1.0.0")["defaultConnectorSecurityId"] is None
    first = crm.post("/crm/security", {"type": "oauth2"})["id"]
    second = crm.post("/crm/security", {"type": "oauth2"})["id"]
    crm.post("/crm/version", {"name": "2.0.0"})
    for name in ("1.0.0", "2.0.0"):
        assert crm.get(f"/crm/version/{name}")["defaultConnectorSecurityId"] == first
    crm.put("/crm/version/2.0.0", {"defaultConnectorSecurityId": second})
    assert crm.get("/crm/version/2.0.0")["defaultConnectorSecurityId"] == second
    assert crm.delete(f"/crm/security/{first}") == {}
    assert crm.get("/crm/version/1.0.0")["defaultConnectorSecurityId"] is None
