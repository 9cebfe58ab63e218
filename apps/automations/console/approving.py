"""The form for an automation's approval: whether a person is asked first, who may answer, how long, what silence means.

It writes the same members of the document as the editor and the API, and is refused by the same checks.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse

from apps.accounts.console import require_actor
from apps.accounts.console.admin import REFUSALS
from apps.accounts.console.names import address_of
from apps.automations import services
from apps.automations.approvals.models import Approval
from apps.automations.approvals.policy import APPROVERS
from apps.automations.models import Automation
from apps.core.actors import Verb
from apps.core.errors import ConflictError, ValidationError
from apps.wire.errors import failure_of

UNITS = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}  # the largest that fits is shown
SILENCE = {"fail": "the run fails", "reject": "it is rejected", "approve": "it is approved"}
SPANS = {"timeoutSeconds": "timeout", "remindAfterSeconds": "remind"}
STALE = "Somebody has saved this meanwhile. Open the form anew and take over your change."


def page(request: HttpRequest, row: Automation, *, site: Any, opts: Any) -> HttpResponse:
    actor = require_actor(request)
    if row.version is None or not actor.may(Verb.EDIT):
        raise Http404
    faults: list[str] = []
    fields = shown(row.version.document)
    if request.method == "POST":
        fields = written(request.POST)
        try:
            if request.POST.get("revision") != str(row.version_id):
                raise ConflictError(STALE)
            document = {**row.version.document, **members(row.version.document, fields)}
            services.replace_automation(actor=actor, automation=row, document=document)
            messages.success(request, f"The approval of {row} is saved.")
            return HttpResponseRedirect(address_of(row))
        except REFUSALS as error:
            failure = failure_of(error)
            faults = [item.message for item in failure.items] if failure else [str(error)]
    context = {
        **site.each_context(request),
        "opts": opts,
        "title": f"Approval of {row}",
        "revision": request.POST.get("revision") or row.version_id,
        "fields": fields,
        "roles": [str(role) for role in APPROVERS],
        "outcomes": [(word, SILENCE[word]) for word in Approval.OnTimeout.values],
        "units": list(UNITS),
        "faults": faults,
        "back": address_of(row),
    }
    return TemplateResponse(request, "console/approval.html", context, status=422 if faults else 200)


def shown(document: Mapping[str, Any]) -> dict[str, Any]:
    """The members as the form's fields."""
    found = document.get("approval") or {}
    fields: dict[str, Any] = {
        "needed": document.get("needsApproval") is True,
        "roles": found.get("roles") or [],
        "members": "\n".join(found.get("members") or []),
        "outcome": found.get("onTimeout") or Approval.OnTimeout.FAIL.value,
        "message": found.get("message") or "",
    }
    for name, field in SPANS.items():
        seconds = found.get(name)
        unit = next(unit for unit, size in UNITS.items() if not (seconds or 1) % size)
        fields[field], fields[f"{field}_unit"] = seconds and seconds // UNITS[unit], unit if seconds else "hours"
    return fields


def written(form: QueryDict) -> dict[str, Any]:
    """As somebody has filled it in, to be shown again where it is refused."""
    texts = {name: form.get(name, "").strip() for name in ("members", "outcome", "message")}
    spans = {name: form.get(name, "").strip() for field in SPANS.values() for name in (field, f"{field}_unit")}
    return {**texts, **spans, "needed": form.get("needed") == "1", "roles": form.getlist("roles")}


def members(document: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The members of the document; settings that say nothing are left out. Raises ValidationError for no number."""
    found: dict[str, Any] = {
        "roles": list(fields["roles"]),
        "members": [line.strip() for line in fields["members"].splitlines() if line.strip()],
        "message": fields["message"],
    }
    found |= {name: seconds_of(fields, field, at=f"approval.{name}") for name, field in SPANS.items()}
    found = {name: value for name, value in found.items() if value not in ("", None, [])}
    if "timeoutSeconds" in found or fields["outcome"] != Approval.OnTimeout.FAIL.value:
        found["onTimeout"] = fields["outcome"]
    return {"needsApproval": fields["needed"], "approval": found or None}


def seconds_of(fields: Mapping[str, Any], field: str, *, at: str) -> int | None:
    text = fields[field]
    if not text:
        return None
    size = UNITS.get(fields[f"{field}_unit"])
    if size is None or not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ValidationError(f"{at}: must be a whole number of {', '.join(UNITS)}.", field=at)
    return int(text) * size
