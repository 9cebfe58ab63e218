"""Customers' people, their groups and memberships: by the caller's own ids and by names."""

import re

from apps.accounts import people
from apps.accounts.models import EndUser
from tests.contracts.parts import Part, World

USER, GROUP, MEMBER = "/v1/user/{}", "/v1/group/{}", "/v1/group/{}/user/{}"


def furnish(world: World) -> None:
    actor = world.actor
    people.Group.objects.filter(organization=world.organization).delete()
    group = people.create_group(actor=actor, name="testGroup+1@acme", authorization={"scope": ["all"]})
    end_user = EndUser.objects.get(pk=world.ids["userUuid"])
    people.add_to_group(actor=actor, group=group, end_user=end_user, role="admin")
    world.ids["groupId"] = group.name


def other_user(world: World) -> str:
    found, _ = EndUser.objects.get_or_create(organization=world.organization, external_id="bob+2@customer.example")
    return found.external_id


PART = Part(
    furnish=furnish,
    paths=re.compile(r"/v1/user(/{})?|/v1/group(/{}(/user(/{})?)?)?"),
    bodies={
        ("POST", "/v1/user"): lambda world: {"userId": "new.user+3@x", "email": "new@customer.example", "name": "New"},
        ("PUT", USER): lambda world: {"name": "Renamed", "email": "renamed@customer.example"},
        ("POST", "/v1/group"): lambda world: {"name": "my_group", "source": "remote", "authorization": {"a": 1}},
        ("PUT", GROUP): lambda world: {"source": "remote", "authorization": {"b": [2]}},
        ("POST", GROUP + "/user"): lambda world: {"userId": other_user(world), "role": "member"},
        ("PUT", MEMBER): lambda world: {"role": "member"},
    },
    reads_back={("POST", GROUP + "/user"): None},
    unread=frozenset({"userId", "email"}),
)
