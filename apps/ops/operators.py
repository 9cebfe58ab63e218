"""The first operator and the first key, and new ones for whoever lost theirs."""

import secrets
from dataclasses import dataclass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import validate_email

from apps.accounts import services
from apps.accounts.models import ApiKey, Membership, User
from apps.core import environment
from apps.core.actors import Role
from apps.core.errors import ConflictError, NotFoundError, ValidationError


@dataclass(frozen=True)
class Welcome:
    """What is shown once. An empty password or key is the one that the environment gave."""

    email: str
    password: str
    key: str


def describe(welcome: Welcome) -> str:
    return "\n".join(
        (
            "First start: keep these, they are not shown again.",
            f"  Login    {welcome.email}",
            f"  Password {welcome.password or '(as in JUNCTION_ADMIN_PASSWORD)'}",
            f"  API key  {welcome.key or '(as in JUNCTION_API_KEY)'}",
            "  Lost?    manage.py resetpassword, manage.py createkey",
        )
    )


def first_start() -> Welcome | None:
    """Makes the first organization, its owner and a key, unless there is a member already."""
    if Membership.objects.exists():
        return None
    email = environment.text("JUNCTION_ADMIN_EMAIL", "admin@junction.example")
    password, key = environment.text("JUNCTION_ADMIN_PASSWORD"), environment.text("JUNCTION_API_KEY")
    check_first(email=email, password=password, key=key)
    given = password or new_password()
    _, text = services.first_start(email=email, password=given, key=key)
    return Welcome(email, "" if password else given, "" if key else text)


def check_first(*, email: str, password: str, key: str) -> None:
    """Ends the process with a sentence that names the variable."""
    try:
        validate_email(email)
    except DjangoValidationError:
        environment.refuse("JUNCTION_ADMIN_EMAIL", f"{email!r} is no e-mail address")
    if password:
        try:
            validate_password(password)
        except DjangoValidationError as error:
            environment.refuse("JUNCTION_ADMIN_PASSWORD", " ".join(error.messages))
    if key and (len(key) < 24 or not key.isascii() or not key.isprintable() or " " in key):
        environment.refuse("JUNCTION_API_KEY", "must be at least 24 printable characters without spaces")


def new_password() -> str:
    return secrets.token_urlsafe(15)


def reset_password(*, email: str, password: str = "") -> tuple[User, str]:
    """An empty password makes one. Raises NotFoundError, ValidationError."""
    user = find_user(email)
    password = password or new_password()
    try:
        validate_password(password, user)
    except DjangoValidationError as error:
        raise ValidationError(" ".join(error.messages), field="password") from None
    services.set_password(user=user, password=password)
    return user, password


def create_key(*, email: str, organization: str, name: str, role: Role) -> tuple[ApiKey, str]:
    """`organization` (id or name) may be empty where the person belongs to one only."""
    user = find_user(email)
    rows = Membership.objects.filter(user=user).select_related("organization").order_by("id")
    found = [m for m in rows if organization.lower() in {"", m.organization.name.lower(), m.organization.hex_id}]
    if not found:
        raise NotFoundError(f"{user.email} is in no organization {organization}".strip() + ".")
    if len(found) > 1:
        names = ", ".join(f"{m.organization.hex_id} ({m.organization.name})" for m in found)
        raise ConflictError(f"{user.email} is in several organizations; choose one of {names}.", field="organization")
    return services.create_api_key(organization=found[0].organization, user=user, name=name, role=role)


def find_user(email: str) -> User:
    """An empty address means the first owner."""
    if email:
        user = User.objects.filter(email__iexact=email).first()
    else:
        owner = Membership.objects.filter(role=Role.OWNER).select_related("user").order_by("id").first()
        user = owner.user if owner else None
    if user is None:
        raise NotFoundError(f"There is no person {email}".strip() + ".")
    return user
