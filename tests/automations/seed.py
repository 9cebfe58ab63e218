"""Fills an installation's database for the runs that are killed; a process of its own, as its settings are its own.

`python -m tests.automations.seed <address of the system>`
"""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def main(url: str) -> None:
    django.setup()
    from apps.accounts.models import ApiKey
    from apps.automations.services import create_automation
    from apps.catalog.blueprints import save_blueprint
    from apps.connectors import services
    from apps.core.actors import system_actor

    organization = ApiKey.objects.order_by("created_at").first().organization
    actor = system_actor(organization.id)
    save_blueprint(actor=actor, id="service", fields={"title": "Service"})
    connector = services.create_connector(organization_id=organization.id, name="shop")
    services.publish_version(version=services.create_version(connector=connector, base_url=url, logic={}))
    for repeat in ("key", "none"):
        request = {"method": "POST", "url": f"/{repeat}", "effect": "write", "repeat": repeat}
        steps = [{"name": "sent", "request": request}, {"return": "{{ steps.sent.body }}"}]
        services.create_component(
            connector=connector, kind="action", name=f"send.{repeat}", logic={"execute": {"steps": steps}},
            schema={"variables": None, "output": None}, published=True,
        )  # fmt: skip
        entity = {"id": repeat, "title": repeat, "blueprintId": "service"}
        sending = {"connector": "shop", "action": f"send.{repeat}", "input": {}}
        document = {
            "id": repeat, "title": repeat, "type": "selfServiceAction", "outputs": {"got": "{{ actions.sent.output }}"},
            "actions": [
                {"type": "upsertResource", "id": "before", "args": {"data": entity}},
                {"type": "executeAction", "id": "sent", "args": sending},
                {"type": "upsertResource", "id": "after", "args": {"data": {**entity, "title": "after"}}},
            ],
        }  # fmt: skip
        create_automation(actor=actor, document=document)


if __name__ == "__main__":
    main(sys.argv[1])
