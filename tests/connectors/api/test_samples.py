"""The contract's own sample bodies are taken as they stand."""

import pytest

from tests.contracts.interactor_connectors import COMPONENTS, PART
from tests.contracts.operations import contract, described, resolve
from tests.contracts.parts import mine, part_of

SAMPLED = [o for o in mine() if "requestBody" in described(o) and part_of(o) is PART]


def sample_of(operation):
    schema = resolve("interactor", described(operation)["requestBody"]["content"]["application/json"]["schema"])
    return [schema[name] for name in ("example", "x-seed-example") if name in schema]


@pytest.mark.parametrize("operation", SAMPLED, ids=lambda o: f"{o.method} {o.path}")
def test_a_sample_is_taken(crm, operation):
    crm.post("/crm/version", {"name": "1.0.0"})
    crm.post("/crm/security/main", {"type": "oauth2"})
    kind = operation.path.split("/")[4] if operation.path.count("/") > 3 else ""
    made = {"version": "1.0.0", "security": "main"}.get(kind, "")
    if kind in COMPONENTS:
        made = crm.post(f"/crm/{kind}", {"name": "first"})["id"]
    samples = sample_of(operation)
    assert samples
    for body in samples:
        if operation.method == "POST" and kind == "security" and "type" not in body:
            continue
        path = "" if not kind and operation.method == "POST" else "/crm"
        if kind:
            path += f"/{kind}" + (f"/{made}" if operation.method == "PUT" else "")
        if kind == "security" and operation.path.endswith("}") and operation.method == "POST":
            path += "/sampled"
        crm.call(operation.method.lower(), path, body, version="minor")


def test_there_are_samples_for_every_write():
    assert len(SAMPLED) == 20
    assert contract("interactor")["info"]["version"] == "7.1.0"
