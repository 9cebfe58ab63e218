"""What an operator does to the address of an automation: its secrets set, made anew and dropped, the address changed.

The surprise: a new secret stands beside the one before, so that the caller can learn it without a gap; an address has
no such grace, since whoever has learnt it may knock.
"""

from collections.abc import Callable

from django.db import transaction

from apps.audit import services as audit
from apps.core.actors import Actor, Verb
from apps.core.errors import ConflictError, NotFoundError, ValidationError
from apps.core.vault import MASK
from apps.core.webhooks import new_secret as new_signing_key
from apps.core.webhooks import read_secret
from apps.inbound import direct, receiving
from apps.inbound.declared import read_inlet
from apps.inbound.models import DirectHook
from apps.inbound.secrets import hook_secrets, new_secret, new_token

UNSIGNED = "none"


def proof_of(hook: DirectHook) -> str:
    """How a call proves where it comes from: `hmac-sha256`, `token`, …, or `none`."""
    return read_inlet(hook.config).security.type


@transaction.atomic
def set_secrets(*, actor: Actor, hook: DirectHook, secrets: Callable[[DirectHook], list[str]], name: str) -> DirectHook:
    """`secrets` is asked of the row once nobody else can change it: what it keeps is what counts by then.

    `name` is the automation's, for the log. Raises ForbiddenError, ValidationError, NotFoundError.
    """
    actor.require(Verb.EDIT)
    row = DirectHook.objects.select_for_update().filter(pk=hook.pk).first()
    if row is None:
        raise NotFoundError("The automation has no trigger of type onHook any more.")
    wanted = secrets(row)
    check_form(proof_of(row), wanted)
    direct.set_secrets(row, wanted)
    note(actor, row, name, "secrets")
    transaction.on_commit(receiving.forget_addresses)
    return row


def check_form(proof: str, secrets: list[str]) -> None:
    """What could never prove a call is refused where it is written. Raises ValidationError naming the member."""
    for index, text in enumerate(secrets):
        at = f"secrets[{index}]"
        if proof == "basic" and ":" not in text:
            raise ValidationError(f"{at} must be a name and a password, with a colon between.", field=at)
        if proof == "standardwebhooks":
            try:
                read_secret(text)
            except ValidationError as error:
                raise ValidationError(f"{at}: {error.message}", field=at) from None


def rotate_secret(*, actor: Actor, hook: DirectHook, name: str) -> str:
    """The new secret, which is not told again; the newest one before it still counts."""
    row = set_secrets(
        actor=actor, hook=hook, name=name, secrets=lambda row: [made_for(proof_of(row)), *hook_secrets(row)[:1]]
    )  # fmt: skip
    return hook_secrets(row)[0]


def made_for(proof: str) -> str:
    """Raises ConflictError where no secret proves anything, or its form is the caller's to choose."""
    if proof == "standardwebhooks":
        return new_signing_key()
    if proof in (UNSIGNED, "basic"):
        raise ConflictError("Its calls are proved by no secret that could be made here.", code="invalid_state")
    return new_secret()


def drop_old_secrets(*, actor: Actor, hook: DirectHook, name: str) -> None:
    set_secrets(actor=actor, hook=hook, secrets=lambda row: hook_secrets(row)[:1], name=name)


@transaction.atomic
def rotate_address(*, actor: Actor, hook: DirectHook, name: str) -> None:
    """At once: what comes to the old address is 404, within seconds in every process."""
    actor.require(Verb.EDIT)
    hook.token = new_token()
    hook.save(update_fields=["token", "updated_at"])
    note(actor, hook, name, "url")
    transaction.on_commit(receiving.forget_addresses)


def note(actor: Actor, hook: DirectHook, name: str, member: str) -> None:
    audit.record(
        actor=actor, event="update", resource_type="hook", resource_id=hook.id, resource_name=name,
        changes=[{"fieldPath": member, "oldValue": MASK, "newValue": MASK}],
    )  # fmt: skip
