"""What the doctor asks of alarms: each message that is not sent has work, and each case that is not judged."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef

from apps.alarms import services
from apps.alarms.models import Alarm, Case, Message
from apps.alarms.telling import SEND
from apps.work.doctor import SHOWN_PER_PROBE, Finding
from apps.work.models import WorkItem


def unsent() -> Iterable[Finding]:
    items = WorkItem.objects.filter(kind=SEND, target_id=OuterRef("pk"))
    rows = Message.objects.filter(~Exists(items), state=Message.State.PENDING).order_by("id")
    for row in rows[:SHOWN_PER_PROBE]:
        what = "it was never sent, and no work item is left to send it"
        yield Finding("alarm message", row.id, what, "Insert a work item of kind alarm_message for it.")


def unjudged() -> Iterable[Finding]:
    items = WorkItem.objects.filter(kind=services.JUDGE, target_id=OuterRef("pk"))
    cases = Case.objects.filter(alarm=OuterRef("pk"), judged=False)
    for row in Alarm.objects.filter(Exists(cases), ~Exists(items)).order_by("id")[:SHOWN_PER_PROBE]:
        what = "cases of it were not judged, and no work item is left to judge them"
        yield Finding("alarm", row.id, what, "Save it anew: that has it judged.")


PROBES = {"alarm messages without work": unsent, "alarms without work": unjudged}
