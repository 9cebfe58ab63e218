"""Runs that wait for a person, in an installation's own database; a process of its own, as its settings are its own.

`python -m tests.chaos.approvals_seed <address of the systems> <how many>` makes two who may answer, with keys, and runs
that each want to write one number.
"""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
KEYS = {"ann": "anns-key-of-her-own-0123456789", "bob": "bobs-key-of-his-own-0123456789"}
WRITE = {"type": "executeAction", "id": "written",
         "args": {"connector": "once", "action": "write", "input": {"n": "{{ args.n }}"}}}  # fmt: skip
AUTOMATION = {
    "id": "write", "title": "Write a number", "type": "selfServiceAction", "needsApproval": True, "actions": [WRITE],
    "triggers": [{"type": "manual", "inputSchema": {"type": "object", "required": ["n"]}}],
}  # fmt: skip


def main(url: str, count: int) -> None:
    django.setup()
    from apps.accounts import services as accounts
    from apps.accounts.models import ApiKey
    from apps.automations import services as automations
    from apps.connectors import services as connectors

    key = ApiKey.objects.select_related("organization", "user").order_by("created_at").first()
    organization = key.organization
    for name, text in KEYS.items():
        user = accounts.create_user(email=f"{name}@acme.example", password=None, name=name.capitalize())
        accounts.add_member(organization=organization, user=user, role="manage")
        accounts.create_api_key(organization=organization, user=user, name="test", role="manage", key=text)
    connector = connectors.create_connector(organization_id=organization.id, name="once")
    connectors.publish_version(version=connectors.create_version(connector=connector, base_url=url, logic={}))
    request = {"method": "POST", "url": f"{url}/chain/first", "body": {"n": "{{ input.data.n }}"}, "effect": "write",
               "repeat": "key"}  # fmt: skip
    connectors.create_component(
        connector=connector, kind="action", name="write",
        logic={"execute": {"steps": [{"name": "it", "request": request}]}},
        schema={"variables": None, "output": None}, published=True,
    )  # fmt: skip
    actor = accounts.actor_of(user=key.user, organization=organization)
    automation = automations.upsert_automation(actor=actor, document=AUTOMATION)
    for n in range(1, count + 1):
        automations.run_by_hand(actor=actor, automation=automation, args={"n": n})


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
