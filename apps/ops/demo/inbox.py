"""Sample inboxes: whoever knows a name sends there and reads there. For looking at what webhooks bring."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from apps.ops.demo.views import answer, refuse
from apps.ops.models import Demo, DemoMessage

KEPT = 200
LARGEST_NAME = 40
LARGEST_BODY = 64 * 1024
SHOWN = 20


@csrf_exempt  # its senders are programs
def messages(request: HttpRequest, *, name: str) -> HttpResponse:
    if not Demo.objects.filter(integration__isnull=False).exists():
        return refuse(404, "The demonstration is not installed.")
    if len(name) > LARGEST_NAME or "\0" in name:
        return refuse(404, f"The name of an inbox has at most {LARGEST_NAME} characters.")
    if request.method == "POST":
        return take(request, name)
    if request.method != "GET":
        return refuse(405, "Messages are sent with POST and read with GET.")
    rows = DemoMessage.objects.filter(inbox=name).order_by("-id")[:SHOWN]
    shown = [{"receivedAt": row.received_at.isoformat(), "headers": row.headers, "body": row.body} for row in rows]
    return answer({"messages": shown})


def take(request: HttpRequest, name: str) -> HttpResponse:
    if len(request.body) > LARGEST_BODY:
        return refuse(413, f"A message has at most {LARGEST_BODY} bytes.")
    headers = {key.lower(): value for key, value in request.headers.items() if key.lower().startswith("webhook-")}
    body = request.body.decode("utf-8", "replace").replace("\0", "\ufffd")
    row = DemoMessage.objects.create(inbox=name, headers=headers, body=body)
    DemoMessage.objects.filter(pk__lte=row.pk - KEPT).delete()
    return answer({"received": True})
