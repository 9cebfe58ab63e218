"""One run of anything and what is left of it. History: what is still to do stands in `work`."""

from django.db import models
from django.db.models import Q

from apps.core.models import ActorQuerySet, OrganizationRow, Row


class State(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    CANCELING = "canceling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


TERMINAL = (State.SUCCEEDED, State.FAILED, State.CANCELED)


class Mode(models.TextChoices):
    LIVE = "live"
    PLAN = "plan"
    REPLAY = "replay"


class ExecutionQuerySet(ActorQuerySet):
    integration_path = "integration_id"


class Execution(OrganizationRow):
    """`kind` and `target_id` name what runs; `cause` is unique, so nothing starts twice."""

    kind = models.CharField(max_length=32)
    target_id = models.UUIDField(null=True)
    target_name = models.CharField(max_length=200, blank=True)
    integration_id = models.UUIDField(null=True)
    parent = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="children")
    root_id = models.UUIDField()
    cause = models.CharField(max_length=200, null=True, blank=True, unique=True)
    triggered_by = models.CharField(max_length=100, blank=True)  # a user id, schedule, chain, event
    mode = models.CharField(max_length=8, choices=Mode.choices, default=Mode.LIVE)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(max_length=500, blank=True)
    canceled_by = models.CharField(max_length=64, blank=True)
    depth = models.IntegerField(default=0)  # how many automations stand between a person and this: the loop guard
    deadline = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    done_exporting = models.BooleanField(default=False)
    pages_generated = models.IntegerField(default=0)
    success_count = models.IntegerField(default=0)
    error_count = models.IntegerField(default=0)
    ignore_count = models.IntegerField(default=0)

    objects = ExecutionQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "-id"], name="execution_newest"),
            models.Index(fields=["organization", "kind", "target_id", "-id"], name="execution_of_target"),
            models.Index(fields=["state"], name="execution_open", condition=~Q(state__in=TERMINAL)),
            models.Index(fields=["organization", "integration_id", "-id"], name="execution_in_folder"),
            models.Index(
                fields=["organization", "ended_at"], name="execution_ended", condition=Q(ended_at__isnull=False)
            ),
        ]

    @property
    def is_terminal(self) -> bool:
        return self.state in TERMINAL

    def __str__(self) -> str:
        return f"{self.kind} {self.target_name or self.target_id}"


class ExecutionData(models.Model):
    """Large input and output, beside the row so that lists never load them."""

    execution = models.OneToOneField(Execution, on_delete=models.CASCADE, primary_key=True, related_name="data")
    input = models.BinaryField(default=b"")
    output = models.BinaryField(default=b"")


class Step(Row):
    """One step of an execution. `outcome` is committed before the next begins, so a resumed run skips it."""

    class State(models.TextChoices):
        INTENT = "intent"  # a write was about to be sent: after a lapse its effect decides what is done
        WAITING = "waiting"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        SKIPPED = "skipped"
        IN_DOUBT = "in_doubt"

    execution = models.ForeignKey(Execution, on_delete=models.CASCADE, related_name="steps")
    path = models.CharField(max_length=200)
    iteration = models.CharField(max_length=64, blank=True)
    attempt = models.IntegerField(default=1)
    kind = models.CharField(max_length=32)
    target_id = models.UUIDField(null=True)
    state = models.CharField(max_length=10, choices=State.choices)
    effect = models.CharField(max_length=8, blank=True)  # key, natural, ledger, none; empty for a read
    fence = models.BigIntegerField(default=0)
    outcome = models.BinaryField(default=b"")
    message = models.CharField(max_length=500, blank=True)
    ended_at = models.DateTimeField(null=True)
    success_count = models.IntegerField(default=0)
    error_count = models.IntegerField(default=0)
    ignore_count = models.IntegerField(default=0)
    pages_processed = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["execution", "path", "iteration", "attempt"], name="one_row_per_attempt"),
        ]
        indexes = [models.Index(fields=["state"], name="step_unsettled", condition=Q(state__in=("intent", "in_doubt")))]

    def __str__(self) -> str:
        return f"{self.path}{self.iteration}"


class ExchangeQuerySet(ActorQuerySet):
    integration_path = "execution__integration_id"


class Exchange(OrganizationRow):
    """One captured, redacted request and its answer; bodies are cut at 16 KB."""

    execution = models.ForeignKey(Execution, on_delete=models.CASCADE, related_name="exchanges", null=True)
    connection_id = models.UUIDField(null=True)
    step_path = models.CharField(max_length=200, blank=True)
    method = models.CharField(max_length=16)
    url = models.TextField()
    status = models.IntegerField(null=True)
    error = models.CharField(max_length=500, blank=True)
    planned = models.BooleanField(default=False)
    milliseconds = models.FloatField(default=0)
    detail = models.BinaryField(default=b"")  # headers and bodies, compressed

    objects = ExchangeQuerySet.as_manager()


class RecordErrorQuerySet(ActorQuerySet):
    integration_path = "integration_id"

    def open(self) -> "RecordErrorQuerySet":
        return self.filter(resolved_at__isnull=True)


class RecordError(OrganizationRow):
    """One failed record of one step, kept with its data until retried or resolved."""

    execution = models.ForeignKey(Execution, on_delete=models.CASCADE, related_name="record_errors")
    flow_id = models.UUIDField()
    step_id = models.UUIDField()  # the export or import
    integration_id = models.UUIDField(null=True)
    source = models.CharField(max_length=40)
    code = models.CharField(max_length=100)
    message = models.TextField()
    classification = models.CharField(max_length=20, default="none")
    trace_key = models.CharField(max_length=128, blank=True)
    source_index = models.IntegerField(default=0)  # the record's number in its page
    export_data_uri = models.TextField(blank=True)
    import_data_uri = models.TextField(blank=True)
    request_key = models.CharField(max_length=64, blank=True)  # the Exchange in which it was refused
    field = models.CharField(max_length=200, blank=True)  # what a mapping could not make
    retryable = models.BooleanField(default=False)
    retrying_in = models.UUIDField(null=True)  # the retry execution that has taken it
    assigned_to = models.CharField(max_length=254, blank=True)
    tags = models.JSONField(default=list, blank=True)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(max_length=64, blank=True)

    objects = RecordErrorQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["flow_id", "step_id", "-id"], name="error_open", condition=Q(resolved_at__isnull=True)
            ),
            models.Index(fields=["flow_id", "step_id", "trace_key"], name="error_trace"),
            models.Index(
                fields=["flow_id", "-resolved_at"], name="error_resolved", condition=Q(resolved_at__isnull=False)
            ),
            models.Index(fields=["organization", "-id"], name="error_newest"),
            models.Index(fields=["integration_id"], name="error_of_folder", condition=Q(resolved_at__isnull=True)),
            models.Index(
                fields=["organization", "trace_key"], name="error_search", opclasses=["uuid_ops", "varchar_pattern_ops"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code}: {self.message[:80]}"


class RetryData(models.Model):
    """The record as it reached the failing step. `revision` grows with each edit, and so does its idempotency key."""

    error = models.OneToOneField(RecordError, on_delete=models.CASCADE, primary_key=True, related_name="retry_data")
    stage = models.CharField(max_length=40)
    position = models.CharField(max_length=100)  # the step's path in the flow
    revision = models.IntegerField(default=1)
    key_base = models.CharField(max_length=64)  # root execution, page and index: what the key is made of
    data = models.BinaryField()
