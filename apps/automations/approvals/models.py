"""A question to a person, asked by a run that waits for the answer; and who was told of it."""

from django.db import models

from apps.core.models import ActorQuerySet, OrganizationRow, Row


class ApprovalQuerySet(ActorQuerySet):
    integration_path = "execution__integration_id"

    def waiting(self) -> "ApprovalQuerySet":
        return self.filter(closed=False)


class Approval(OrganizationRow):
    """One a place in a run: `path` is empty for the one before the first action.

    `roles` and `members` (e-mails in small letters) narrow who may answer; without either it is whoever may approve.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        APPROVED = "approved"
        REJECTED = "rejected"
        FAILED = "failed"  # nobody answered in time, and that ends the run
        CANCELED = "canceled"  # the run ended before an answer came

    class OnTimeout(models.TextChoices):
        APPROVE = "approve"
        REJECT = "reject"
        FAIL = "fail"

    execution = models.ForeignKey("executions.Execution", on_delete=models.CASCADE, related_name="approvals")
    path = models.CharField(max_length=200, blank=True)
    iteration = models.CharField(max_length=64, blank=True)
    automation_id = models.UUIDField(null=True)
    automation_name = models.CharField(max_length=200)
    message = models.TextField(blank=True)
    requester = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")
    roles = models.JSONField(default=list)
    members = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    closed = models.BooleanField(default=False)  # not waiting any more: lists begin with those that do
    timeout_at = models.DateTimeField(null=True)
    on_timeout = models.CharField(max_length=8, choices=OnTimeout.choices, default=OnTimeout.FAIL)
    timed_out = models.BooleanField(default=False)
    remind_at = models.DateTimeField(null=True)
    reminded_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)  # or when it was closed otherwise
    reason = models.CharField(max_length=1000, blank=True)
    channel = models.CharField(max_length=16, blank=True)  # api, ui, email; system for a timeout and a cancel
    plan = models.BinaryField(default=b"")  # packed: what would run

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["execution", "path", "iteration"], name="one_approval_a_place"),
        ]
        indexes = [
            models.Index(fields=["organization", "closed", "-id"], name="approval_waiting_first"),
            models.Index(fields=["automation_id", "-id"], name="approval_of_automation"),
        ]

    def __str__(self) -> str:
        return f"approval of {self.automation_name}"


class ApprovalNotice(Row):
    """One mail to one who may answer."""

    class Kind(models.TextChoices):
        ASK = "ask"
        REMINDER = "reminder"

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="notices")
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    sent_at = models.DateTimeField(null=True)
    attempts = models.IntegerField(default=0)
    message = models.CharField(max_length=500, blank=True)  # why it was not sent

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["approval", "user", "kind"], name="one_notice_a_person"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.user}"
