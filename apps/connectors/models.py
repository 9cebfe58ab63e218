"""A described third-party system and what it can do. A published version never changes; what runs is pinned to one."""

import secrets
import uuid

from django.db import models
from django.db.models import OuterRef, Q, Subquery

from apps.core.actors import Actor
from apps.core.models import ActorQuerySet, OrganizationRow


class ConnectorQuerySet(ActorQuerySet):
    def for_actor(self, actor: Actor) -> "ConnectorQuerySet":
        """Own rows and the system organization's, which everybody may read."""
        return self.visible_to(actor.organization_id)

    def visible_to(self, organization_id: uuid.UUID | None) -> "ConnectorQuerySet":
        return self.filter(Q(organization_id=organization_id) | Q(organization__is_system=True))

    def editable_by(self, actor: Actor) -> "ConnectorQuerySet":
        """Own rows only: nobody changes the system organization's."""
        return self.filter(organization_id=actor.organization_id)


class ComponentVersionQuerySet(ConnectorQuerySet):
    def current(self) -> "ComponentVersionQuerySet":
        """Of each component the version that its name means: the newest published one, else the newest."""
        own = self.model._base_manager.filter(component=OuterRef("component")).order_by("-published", "-number")
        return self.filter(pk=Subquery(own.values("pk")[:1]))


def new_hook_token() -> str:
    """Whoever knows it may send: it is the only secret of a hook's address."""
    return secrets.token_urlsafe(32)


class AuthoredRow(OrganizationRow):
    """Made and changed on behalf of end users; null: by somebody without one, such as an operator."""

    created_by = models.ForeignKey("accounts.EndUser", on_delete=models.SET_NULL, null=True, related_name="+")
    updated_by = models.ForeignKey("accounts.EndUser", on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        abstract = True


class Connector(AuthoredRow):
    """`hook_token` ends the address at which its third party delivers notifications."""

    name = models.CharField(max_length=100)
    label = models.JSONField(default=dict, blank=True)  # {language: text}
    enabled = models.BooleanField(default=True)
    published_at = models.DateTimeField(null=True)
    published_by = models.CharField(max_length=255, blank=True)  # the contributor a publisher named
    hook_token = models.CharField(max_length=43, unique=True, default=new_hook_token)
    default_version = models.ForeignKey(
        "ConnectorVersion", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    document = models.JSONField(default=dict, blank=True)  # members that only its dialect shows

    objects = ConnectorQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="one_connector_per_name")]

    def __str__(self) -> str:
        return self.name


class ConnectorVersion(AuthoredRow):
    """`logic` maps hooks (auth, oauth, error) to programs; `base_url` is a template over the connection."""

    connector = models.ForeignKey(Connector, on_delete=models.CASCADE, related_name="versions")
    name = models.CharField(max_length=50)
    label = models.JSONField(default=dict, blank=True)
    published = models.BooleanField(default=False)
    base_url = models.CharField(max_length=500, blank=True)
    logic = models.JSONField(default=dict, blank=True)
    document = models.JSONField(default=dict, blank=True)
    default_security = models.ForeignKey("Security", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    objects = ConnectorQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connector", "name"], name="one_version_per_name")]

    def __str__(self) -> str:
        return f"{self.connector} {self.name}"


class Component(OrganizationRow):
    """What its versions share: the virtual id, kind and name."""

    class Kind(models.TextChoices):
        ACTION = "action"
        TRIGGER = "trigger"
        EVENT = "event"
        FUNCTION = "function"
        CONDITION = "condition"
        DATATYPE = "datatype"
        VARIABLE = "variable"

    connector = models.ForeignKey(Connector, on_delete=models.CASCADE, related_name="components")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=150)

    objects = ConnectorQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connector", "kind", "name"], name="one_component_per_name")]

    def __str__(self) -> str:
        return f"{self.connector}.{self.name}"


class ComponentVersion(AuthoredRow):
    """`schema`: {variables: JSON Schema of the input, output: JSON Schema}; `logic` maps hooks to programs."""

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="versions")
    name = models.CharField(max_length=50)
    number = models.IntegerField(default=1)  # orders versions; names need not be comparable
    label = models.JSONField(default=dict, blank=True)
    published = models.BooleanField(default=False)
    schema = models.JSONField(default=dict, blank=True)
    logic = models.JSONField(default=dict, blank=True)
    document = models.JSONField(default=dict, blank=True)

    objects = ComponentVersionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["component", "name"], name="one_component_version_per_name")]

    def __str__(self) -> str:
        return f"{self.component} {self.name}"


class Security(OrganizationRow):
    """How a connector authenticates. Secrets in its configuration are masked in `document`, sealed in `secret`.

    `name` is the id that its author chose, where that is no UUID.
    """

    class Type(models.TextChoices):
        OAUTH2 = "oauth2"
        API_KEY = "apiKey"
        BASIC = "basic"
        NONE = "none"

    connector = models.ForeignKey(Connector, on_delete=models.CASCADE, related_name="securities")
    name = models.CharField(max_length=255)
    type = models.CharField(max_length=10, choices=Type.choices)
    document = models.JSONField(default=dict, blank=True)
    secret = models.BinaryField(default=b"", blank=True)

    objects = ConnectorQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "securities"
        constraints = [models.UniqueConstraint(fields=["connector", "name"], name="one_security_per_name")]

    def __str__(self) -> str:
        return f"{self.connector} {self.name}"
