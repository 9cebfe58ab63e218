"""A configured, authenticated way to reach a system. An end user's is what other dialects call a credential."""

from django.db import models
from django.db.models import Q

from apps.core.models import ActorQuerySet, OrganizationRow


class ConnectionQuerySet(ActorQuerySet):
    integration_path = "integrations__id"


class Connection(OrganizationRow):
    """`document` holds what may be shown (secrets masked in it), `secret` the vault's envelope of the rest."""

    name = models.CharField(max_length=200)
    type = models.CharField(max_length=20)  # http, rdbms, filesystem…
    document = models.JSONField(default=dict)
    secret = models.BinaryField(default=b"")
    connector = models.ForeignKey(
        "connectors.Connector", on_delete=models.PROTECT, null=True, blank=True, related_name="connections"
    )
    security = models.ForeignKey(
        "connectors.Security", on_delete=models.SET_NULL, null=True, blank=True, related_name="connections"
    )
    end_user = models.ForeignKey(
        "accounts.EndUser", on_delete=models.CASCADE, null=True, blank=True, related_name="credentials"
    )
    integrations = models.ManyToManyField("integrations.Integration", blank=True, related_name="connections")
    external_id = models.CharField(max_length=255, blank=True)
    concurrency = models.IntegerField(default=25)
    borrows_from = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="borrowers")
    revision = models.IntegerField(default=1)
    offline_since = models.DateTimeField(null=True, blank=True)
    offline_reason = models.CharField(max_length=500, blank=True)
    # "host:port key" of an SFTP server as it was first met; from then on it must show the same.
    host_key = models.CharField(max_length=400, blank=True)
    # Offline until a person consents anew: no ping brings it back.
    needs_reconnect = models.BooleanField(default=False)
    debug_until = models.DateTimeField(null=True, blank=True)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "-id"], name="connection_newest"),
            models.Index(
                fields=["organization", "offline_since"],
                name="connection_offline",
                condition=Q(offline_since__isnull=False),
            ),
            models.Index(
                fields=["end_user", "connector"], name="connection_of_end_user", condition=Q(end_user__isnull=False)
            ),
        ]

    @property
    def limit_owner_id(self) -> object:
        return self.borrows_from_id or self.id

    def __str__(self) -> str:
        return self.name


class Credential(Connection):
    """An end user's connection to a connector, as the console lists them."""

    class Meta:
        proxy = True


class Limit(models.Model):
    """What all processes may together do through one connection. Stamps are the database's clock."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, primary_key=True, related_name="limit")
    # The floating cap of autoRecoverRateLimitErrors: halved by a 429, grown again in quiet times. None: the rule's own.
    permits = models.IntegerField(null=True)
    permits_changed_at = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)
    paused_reason = models.CharField(max_length=200, blank=True)
    handed_back_at = models.DateTimeField(null=True)  # the last block's end: calls that need a pause between keep it

    def __str__(self) -> str:
        return f"limit of {self.connection}"


class PermitBlock(models.Model):
    """Permits one process has leased for some seconds, to spend in memory."""

    limit = models.ForeignKey(Limit, on_delete=models.CASCADE, related_name="blocks")
    block = models.CharField(max_length=64)  # names the process's lease: a renewal keeps it
    permits = models.IntegerField()
    lease_until = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["limit", "block"], name="one_row_per_block")]

    def __str__(self) -> str:
        return f"{self.permits} of {self.limit_id}"


class TokenLease(models.Model):
    """Which process is renewing a connection's token. Stamps are the database's clock; a fence is one try."""

    connection = models.OneToOneField(
        Connection, on_delete=models.CASCADE, primary_key=True, related_name="token_lease"
    )
    fence = models.IntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    failed_fence = models.IntegerField(default=0)
    failure = models.CharField(max_length=500, blank=True)
    failures = models.IntegerField(default=0)  # in a row
    renew_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"token lease of {self.connection_id}"


class ConnectSession(OrganizationRow):
    """Lets one end user connect one connector, for some minutes, in a page that a product embeds."""

    class Outcome(models.TextChoices):
        OPEN = "open"
        SUCCESS = "success"
        DENIED = "denied"

    digest = models.CharField(max_length=64, unique=True)  # of the token, which is nowhere else
    connector = models.ForeignKey("connectors.Connector", on_delete=models.CASCADE, related_name="+")
    end_user = models.ForeignKey("accounts.EndUser", on_delete=models.CASCADE, related_name="+")
    connection = models.ForeignKey(Connection, on_delete=models.SET_NULL, null=True, related_name="+")
    redirect_url = models.CharField(max_length=2000, blank=True)
    created_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")
    expires_at = models.DateTimeField(db_index=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.OPEN)

    def __str__(self) -> str:
        return f"{self.end_user} to {self.connector}"


class Consent(OrganizationRow):
    """Somebody on the way to a provider's consent page and back: what `state` names, good once.

    An end user, to a connector's provider; or an operator, for a connection of the Celigo documents, which names its
    provider itself: then there is neither connector nor end user.
    """

    connector = models.ForeignKey("connectors.Connector", on_delete=models.CASCADE, null=True, related_name="+")
    security = models.ForeignKey("connectors.Security", on_delete=models.CASCADE, null=True, related_name="+")
    end_user = models.ForeignKey("accounts.EndUser", on_delete=models.CASCADE, null=True, related_name="+")
    connection = models.ForeignKey(Connection, on_delete=models.SET_NULL, null=True, related_name="+")  # to renew
    session = models.ForeignKey(ConnectSession, on_delete=models.CASCADE, null=True, related_name="+")
    sealed = models.BinaryField(default=b"")  # the verifier, and what a hook has laid over the settings
    redirect_uri = models.CharField(max_length=500)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"consent of {self.end_user or self.connection} to {self.connector or self.connection}"
