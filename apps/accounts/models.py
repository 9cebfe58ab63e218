"""The tenant, its people and its keys. A key's secret is shown once: only its hash is kept."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from apps.core.actors import Role
from apps.core.models import OrganizationRow, Row


class Organization(Row):
    name = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64, default="UTC")
    # The organization whose connectors everybody may read and nobody may change.
    is_system = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser, Row):
    """A person who signs in to the console. What they may do is their memberships' matter."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    timezone = models.CharField(max_length=64, default="UTC")

    objects = UserManager()
    USERNAME_FIELD = "email"

    @property
    def is_staff(self) -> bool:
        return self.is_active

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """The console asks services and actors instead; Django's own pages are open to members."""
        return self.is_active

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active

    def __str__(self) -> str:
        return self.name or self.email


class Membership(OrganizationRow):
    """A person's role in one organization; no role: only the integrations shared with them."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=[(r.value, r.value) for r in Role], blank=True)

    class Meta:
        verbose_name = "member"
        constraints = [models.UniqueConstraint(fields=["organization", "user"], name="one_membership_per_person")]

    def __str__(self) -> str:
        return f"{self.user} in {self.organization}"


class ApiKey(OrganizationRow):
    """Acts as its user would, never with more than its own role."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    role = models.CharField(max_length=16, choices=[(r.value, r.value) for r in Role], default=Role.OWNER)
    prefix = models.CharField(max_length=12, db_index=True)
    digest = models.CharField(max_length=64, unique=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class EndUser(OrganizationRow):
    """A customer's person, known by the caller's own id."""

    external_id = models.CharField(max_length=255)
    email = models.CharField(max_length=254, null=True, blank=True)
    name = models.CharField(max_length=200, blank=True)
    properties = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "external_id"], name="one_end_user_per_external_id"),
            models.UniqueConstraint("organization", Lower("email"), name="one_end_user_per_email"),
        ]

    def __str__(self) -> str:
        return self.external_id


class Group(OrganizationRow):
    """A set of end users. `authorization` is its writer's own document: Junction keeps it, and reads nothing in it."""

    class Source(models.TextChoices):
        LOCAL = "local"
        REMOTE = "remote"

    name = models.CharField(max_length=200)
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.LOCAL)
    authorization = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    updated_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    members = models.ManyToManyField(EndUser, through="GroupMembership", related_name="groups")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="one_group_per_name")]

    def __str__(self) -> str:
        return self.name


class GroupMembership(OrganizationRow):
    """`role` is free text, the caller's own."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="memberships")
    end_user = models.ForeignKey(EndUser, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=100)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    updated_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "end_user"], name="one_membership_per_end_user")]

    def __str__(self) -> str:
        return f"{self.end_user} in {self.group}"
