"""The sidebar: what an operator looks for first stands first. What a person may not see is left out."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from apps.accounts.console import seat_of
from apps.accounts.console.names import list_url
from apps.accounts.models import ApiKey, EndUser, Group, Membership
from apps.alarms.models import Alarm, Message
from apps.audit.models import AuditEntry
from apps.automations.approvals.console import waiting_badge
from apps.automations.models import Approval, Automation
from apps.catalog.models import Blueprint, Entity, Suggestion
from apps.connections.models import Connection, Credential
from apps.connectors.models import Component, Connector
from apps.events.models import Event
from apps.executions.models import Exchange, Execution, RecordError
from apps.flows.models import Blob, Export, Flow, Import, LookupCache, Script
from apps.inbound.models import DirectHook, Listener, Notification
from apps.integrations.models import Integration
from apps.schedules.models import Schedule
from apps.subscriptions.models import Delivery, Subscription
from apps.work.models import WorkItem

GROUPS: list[tuple[str, list[tuple[str, str, Any]]]] = [
    (
        "Operate",
        [
            ("Executions", "play_circle", Execution),
            ("Approvals", "how_to_reg", Approval),
            ("Record errors", "error", RecordError),
            ("Schedules", "schedule", Schedule),
            ("Subscriptions", "notifications", Subscription),
            ("Deliveries", "outbox", Delivery),
            ("Alarms", "notification_important", Alarm),
            ("Alarm messages", "mark_email_read", Message),
            ("Work items", "pending_actions", WorkItem),
        ],
    ),
    (
        "Build",
        [
            ("Integrations", "folder", Integration),
            ("Flows", "account_tree", Flow),
            ("Automations", "bolt", Automation),
            ("Hooks", "webhook", DirectHook),
            ("Listeners", "hearing", Listener),
            ("Connections", "cable", Connection),
            ("Exports", "upload", Export),
            ("Imports", "download", Import),
            ("Scripts", "code", Script),
            ("Lookup caches", "table_rows", LookupCache),
            ("Connectors", "extension", Connector),
            ("Components", "widgets", Component),
        ],
    ),
    (
        "Catalog",
        [
            ("Suggestions", "lightbulb", Suggestion),
            ("Entities", "deployed_code", Entity),
            ("Blueprints", "schema", Blueprint),
        ],
    ),
    (
        "Look back",
        [
            ("Exchanges", "swap_horiz", Exchange),
            ("Notifications", "inbox", Notification),
            ("Blobs", "attach_file", Blob),
            ("Events", "bolt", Event),
            ("Audit entries", "history", AuditEntry),
        ],
    ),
    (
        "Organization",
        [
            ("Members", "group", Membership),
            ("API keys", "key", ApiKey),
            ("End users", "badge", EndUser),
            ("Groups", "groups", Group),
            ("Credentials", "passkey", Credential),
        ],
    ),
]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    home = {"title": "Dashboard", "icon": "dashboard", "link": reverse("admin:index")}
    groups: list[dict[str, Any]] = [{"items": [home]}]
    for title, entries in GROUPS:
        items = [entry(request, name, icon, model) for name, icon, model in entries if model in admin.site._registry]
        groups.append({"title": title, "items": items})
    return groups


BADGES = {Approval: waiting_badge}  # what an entry counts, by one query at most; empty shows nothing


def entry(request: HttpRequest, name: str, icon: str, model: Any) -> dict[str, Any]:
    shown = {"title": name, "icon": icon, "link": list_url(model), "permission": visible(model)}
    badge = BADGES[model](request) if model in BADGES else ""
    return {**shown, "badge": badge} if badge else shown


def visible(model: Any) -> Callable[[HttpRequest], bool]:
    """A plain function: the theme copies the menu deeply, and a bound method would take the whole site along."""

    def may_view(request: HttpRequest) -> bool:
        return admin.site._registry[model].has_view_permission(request)

    return may_view


def account_links(request: HttpRequest) -> list[dict[str, str]]:
    links = [
        {"title": "Preferences", "link": reverse("admin:preferences")},
        {"title": "Change password", "link": reverse("admin:password_change")},
    ]
    seat = seat_of(request)
    if seat and len(seat.organizations) > 1:
        links.insert(0, {"title": "Choose organization", "link": reverse("admin:organization")})
    return links
