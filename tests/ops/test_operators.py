"""`createkey` and `resetpassword`: for whoever lost theirs."""

import io

import pytest
from django.core.management import CommandError, call_command

from apps.accounts import services
from apps.accounts.models import User
from apps.core.actors import Role

pytestmark = pytest.mark.django_db


def call(*arguments: str) -> str:
    output = io.StringIO()
    call_command(*arguments, stdout=output, stderr=io.StringIO())
    return output.getvalue().strip()


def test_createkey_makes_a_key_of_the_first_owner(monitor, owner):
    actor = services.actor_of_key(call("createkey"))
    assert actor is not None
    assert (actor.user_id, actor.role) == (owner.user.id, Role.OWNER)


def test_createkey_makes_a_lesser_key_of_a_named_person(owner):
    actor = services.actor_of_key(call("createkey", "--email", "OWNER@acme.example", "--role", "monitor"))
    assert actor is not None
    assert (actor.user_id, actor.role) == (owner.user.id, Role.MONITOR)


def test_createkey_asks_which_organization_of_several(owner, stranger):
    services.add_member(organization=stranger.organization, user=owner.user, role=Role.MANAGE)
    with pytest.raises(CommandError, match=r"several organizations; choose one of .*\(Acme\), .*\(Umbrella\)"):
        call("createkey", "--email", "owner@acme.example")
    actor = services.actor_of_key(call("createkey", "--email", "owner@acme.example", "--organization", "umbrella"))
    assert actor is not None
    assert (actor.organization_id, actor.role) == (stranger.organization.id, Role.MANAGE)


def test_createkey_names_who_it_cannot_find(owner):
    with pytest.raises(CommandError, match=r"There is no person nobody@acme\.example"):
        call("createkey", "--email", "nobody@acme.example")
    with pytest.raises(CommandError, match="is in no organization Umbrella"):
        call("createkey", "--organization", "Umbrella")


def test_resetpassword_sets_a_new_one_and_opens_a_closed_account(owner):
    User.objects.update(is_active=False)
    password = call("resetpassword")
    user = User.objects.get()
    assert user.check_password(password)
    assert not user.check_password("correct horse battery")
    assert user.is_active


def test_resetpassword_takes_one_from_standard_input_and_never_says_it(owner, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("a much better one\n"))
    assert call("resetpassword", "--email", "owner@acme.example", "--stdin") == ""
    assert User.objects.get().check_password("a much better one")


def test_resetpassword_refuses_a_weak_one(owner, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    with pytest.raises(CommandError, match="at least 10"):
        call("resetpassword", "--stdin")
    assert User.objects.get().check_password("correct horse battery")


def test_without_anybody_they_say_so():
    for command in ("createkey", "resetpassword"):
        with pytest.raises(CommandError, match="There is no person"):
            call(command)
