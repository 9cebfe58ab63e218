"""Puts the demonstration into a new installation, once, and starts its flow.

The surprise: the sample systems are served by the very process that calls them, so `manage.py up` opens its gateway
to its own port, for itself and as long as it runs, and for the organization that has the demonstration. Nothing else is
opened, and nothing at all in other processes.
"""

import ipaddress
import secrets

from django.conf import settings
from django.db import IntegrityError, transaction

from apps.accounts.models import Membership
from apps.connections.models import Connection
from apps.connections.registration import register_connections
from apps.connections.resource import CONNECTIONS
from apps.core.actors import Actor, Role, system_actor
from apps.core.gateway import SendContext
from apps.core.gateway.sql import SqlTarget, session
from apps.core.networks import AllowedNetwork
from apps.flows.models import Flow
from apps.flows.services.resources import EXPORTS, FLOWS, IMPORTS
from apps.flows.services.runs import run_flow
from apps.integrations.models import Integration
from apps.integrations.services import INTEGRATIONS
from apps.ops.demo import documents, views
from apps.ops.models import Demo

SYSTEMS = {"demo-shop": "/demo/shop", "demo-crm": "/demo/crm"}


def start_embedded(*, host: str, port: int) -> bool:
    """For the process that listens there, at each of its starts. True when it has just installed the demonstration."""
    own = own_host(host)
    base = f"http://[{own}]:{port}" if ":" in own else f"http://{own}:{port}"
    installed = install(base=base)
    demo = Demo.objects.filter(integration__isnull=False).select_related("integration").first()
    if demo is not None and demo.integration is not None:
        door = AllowedNetwork(host=own, port=port, organization=demo.integration.organization_id.hex)
        settings.JUNCTION_ALLOW_NETWORKS = [*settings.JUNCTION_ALLOW_NETWORKS, door]
        if not installed:
            move_systems(demo.integration, base=base)
    return installed


def own_host(host: str) -> str:
    """An address at which a process that listens on `host` finds itself."""
    if host in {"", "localhost"}:
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower()
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "::1"
    return str(address)


def install(*, base: str) -> bool:
    """`base` is where this installation is reached. Leaves alone whoever has flows already, or once had this one."""
    owner = Membership.objects.filter(role=Role.OWNER, organization__is_system=False).order_by("id").first()
    if owner is None or Demo.objects.exists() or Flow.objects.exists() or Integration.objects.exists():
        return False
    actor = system_actor(owner.organization_id)
    target = SqlTarget(engine="sqlite", database=documents.DATABASE)
    with session(target, SendContext(organization=actor.organization_id.hex)) as database:
        database.execute(documents.TABLE)
    token = secrets.token_urlsafe(24)
    try:
        with transaction.atomic():
            demo = Demo.objects.create(token_digest=views.digest(token))  # two that install at once meet here
            flow = create_documents(actor, base=base, token=token)
            demo.integration = flow.integration
            demo.save(update_fields=["integration"])
            run_flow(actor=actor, flow=flow)
    except IntegrityError:
        if Demo.objects.exists():
            return False
        raise
    return True


def create_documents(actor: Actor, *, base: str, token: str) -> Flow:
    """By the services that the API uses."""
    folder = INTEGRATIONS.create(actor=actor, document=documents.INTEGRATION)
    places = [("Sample shop", "demo-shop", 4), ("Sample CRM", "demo-crm", 2)]
    shop, crm = (
        CONNECTIONS.create(
            actor=actor,
            document=documents.http_connection(
                name=name, external_id=external_id, base=base + SYSTEMS[external_id], token=token, at_once=at_once
            ),
        )
        for name, external_id, at_once in places
    )
    database = CONNECTIONS.create(actor=actor, document=documents.database_connection())
    register_connections(actor=actor, integration=folder, ids=[shop.hex_id, crm.hex_id, database.hex_id])
    flow = documents.flow(
        integration_id=folder.hex_id,
        export_id=EXPORTS.create(actor=actor, document=documents.orders_export(shop.hex_id)).hex_id,
        lookup_id=EXPORTS.create(actor=actor, document=documents.customer_lookup(shop.hex_id)).hex_id,
        crm_id=IMPORTS.create(actor=actor, document=documents.crm_import(crm.hex_id)).hex_id,
        table_id=IMPORTS.create(actor=actor, document=documents.table_import(database.hex_id)).hex_id,
    )
    return FLOWS.create(actor=actor, document=flow)


def move_systems(folder: Integration, *, base: str) -> None:
    """After a start at another port. A connection that somebody led elsewhere stays there."""
    actor = system_actor(folder.organization_id)
    for row in Connection.objects.filter(integrations=folder, external_id__in=SYSTEMS):
        document, path = CONNECTIONS.show(row), SYSTEMS[row.external_id]
        known = document["http"]["baseURI"]
        if known != base + path and known.endswith(path):
            document["http"]["baseURI"] = base + path
            CONNECTIONS.replace(actor=actor, row=row, document=document)
