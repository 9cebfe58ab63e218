"""One row of every resource that the console lists, as often as a test asks."""

from itertools import count

from apps.accounts.models import ApiKey, EndUser, Group, GroupMembership, Membership, User
from apps.alarms.models import Alarm, Firing, Message
from apps.audit.models import AuditEntry
from apps.automations.models import Approval, ApprovalNotice, Automation, AutomationVersion
from apps.catalog.models import Blueprint, Entity, Suggestion
from apps.connections.models import Connection, Credential
from apps.connectors.models import Component, ComponentVersion, Connector, ConnectorVersion, Security
from apps.core.clock import now
from apps.core.ids import hex24, new_id
from apps.events.models import Event
from apps.executions.models import Exchange, Execution, RecordError, RetryData, Step
from apps.executions.payloads import pack
from apps.flows.models import Blob, Export, Flow, Import, LookupCache, LookupEntry, Page, Script
from apps.inbound.models import DirectHook, Hook, Listener, Notification
from apps.integrations.models import Integration
from apps.schedules.models import Schedule, Tick
from apps.subscriptions.models import Delivery, Subscription
from apps.work.models import WorkItem

number = count()


def furnish(organization, *, user=None):
    """A folder with a flow that ran with one failed record, and all that belongs to it. Answers the rows by model."""
    n = next(number)
    own = {"organization": organization}
    user = user or User.objects.create(email=f"person{n}@acme.example")
    member = Membership.objects.filter(organization=organization, user=user).first()
    member = member or Membership.objects.create(**own, user=user, role="manage")
    key = ApiKey.objects.create(**own, user=user, name=f"key {n}", prefix="jk_abc", digest=f"{n:064d}")
    end_user = EndUser.objects.create(**own, external_id=f"customer-{n}")
    group = Group.objects.create(**own, name=f"Buyers {n}")
    GroupMembership.objects.create(**own, group=group, end_user=end_user, role="admin")
    folder = Integration.objects.create(**own, name=f"Orders to warehouse {n}")
    connector = Connector.objects.create(**own, name=f"shop{n}")
    version = ConnectorVersion.objects.create(**own, connector=connector, name="1.0.0")
    component = Component.objects.create(**own, connector=connector, kind="action", name="createOrder")
    component_version = ComponentVersion.objects.create(**own, component=component, name="1.0.0")
    security = Security.objects.create(**own, connector=connector, name="main", type="oauth2", secret=b"sealed")
    connection = Connection.objects.create(
        **own, name=f"Warehouse {n}", type="http", secret=b"sealed",
        document={"http": {"baseURI": "https://w.example", "auth": {"type": "basic", "basic": {"password": "******"}}}},
    )  # fmt: skip
    connection.integrations.add(folder)
    credential = Credential.objects.create(
        **own, name=f"Buyer {n}", type="http", secret=b"sealed", connector=connector, security=security,
        end_user=end_user, document={"http": {"auth": {"type": "oauth"}}},
    )  # fmt: skip
    export = Export.objects.create(**own, name=f"Orders {n}", connection=connection, integration=folder)
    sink = Import.objects.create(**own, name=f"Parcels {n}", connection=connection, integration=folder)
    script = Script.objects.create(**own, name=f"Tidy {n}")
    cache = LookupCache.objects.create(**own, name=f"Rates {n}", integration=folder, size=10)
    LookupEntry.objects.create(cache=cache, key="euro", value='"1.08"')
    document = {
        "pageGenerators": [{"_exportId": hex24(export.id)}],
        "pageProcessors": [{"type": "import", "_importId": hex24(sink.id)}],
    }
    flow = Flow.objects.create(**own, name=f"Ship orders {n}", integration=folder, document=document)
    run = Execution.objects.create(
        **own, kind="flow", target_id=flow.id, target_name=flow.name, integration_id=folder.id, root_id=new_id(),
        state="failed", reason="The warehouse answered 503.", started_at=now(), ended_at=now(), error_count=1,
    )  # fmt: skip
    Step.objects.create(execution=run, path="generators[0]", kind="export", target_id=export.id, state="succeeded")
    Step.objects.create(
        execution=run, path="pageProcessors[0]", kind="import", target_id=sink.id, state="failed", error_count=1
    )
    Page.objects.create(**own, execution=run, number=0, record_count=1, state="done")
    exchange = Exchange.objects.create(
        **own, execution=run, connection_id=connection.id, method="POST", url="https://warehouse.example/parcels",
        status=503, detail=pack({"request": {"headers": {"Authorization": "******"}, "body": '{"id": 1}'}}),
    )  # fmt: skip
    blob = Blob.objects.create(**own, name=f"labels/order-{n}.pdf", size=3, execution=run, expires_at=now())
    error = RecordError.objects.create(
        **own, execution=run, flow_id=flow.id, step_id=sink.id, integration_id=folder.id, source="application",
        code="503", message="The warehouse is closed.", trace_key="order-1", retryable=True,
    )  # fmt: skip
    RetryData.objects.create(
        error=error, stage="import", position="pageProcessors[0]", key_base="k", data=pack({"id": 1})
    )
    schedule = Schedule.objects.create(
        **own, target_kind="flow", target_id=flow.id, integration_id=folder.id, expression="? 0 2 ? * *",
        timezone="Europe/Helsinki", next_due_at=now(),
    )  # fmt: skip
    Tick.objects.create(schedule=schedule, due_at=now(), reason="The run before it goes on.")
    event = Event.objects.create(
        **own, type="execution.failed", subject_kind="flow", subject_id=flow.id,
        failures={"mail": {"attempts": 9, "message": "no answer"}},
    )  # fmt: skip
    automation = Automation.objects.create(**own, slug=f"assign-{n}", title=f"Assign an owner {n}", type="automation")
    automation.version = AutomationVersion.objects.create(
        **own, automation=automation, number=1, document={
            "id": f"assign-{n}", "title": f"Assign an owner {n}", "type": "automation",
            "triggers": [{"type": "onEvent", "event": {"resource": "entity", "action": ["create"]}}],
            "actions": [{"id": "own", "type": "upsertResource", "args": {"data": {"id": "a", "blueprintId": "b"}}}],
        },
    )  # fmt: skip
    automation.save()
    direct = DirectHook.objects.create(
        **own, target_kind="automation", target_id=automation.id, token=f"direct-{n}", secret=b"sealed"
    )
    approval = Approval.objects.create(
        **own, execution=run, automation_id=new_id(), automation_name=f"Assign an owner {n}", message="May we?",
        plan=pack({"actions": [{"id": "own", "type": "upsertResource"}]}),
    )  # fmt: skip
    ApprovalNotice.objects.create(approval=approval, user=user, kind="ask")
    hook = Hook.objects.create(**own, connector=connector, token=f"token-{n}", secret=b"sealed")
    listener = Listener.objects.create(
        **own, hook=hook, trigger_name="order.created", end_user=end_user, state="active", secret=b"sealed",
        variables={"shop": "north"},
    )  # fmt: skip
    notification = Notification.objects.create(
        **own, hook=hook, event="orders", state="routed", method="POST", body=b'{"id": 1}', headers={"x-kind": "new"},
        routed_to=["order.created"],
    )  # fmt: skip
    subscription = Subscription.objects.create(
        **own, listener=listener, end_user=end_user, name=f"shop{n}.order.created", url="https://crm.example/in",
        secret=b"sealed", failing_since=now(),
    )  # fmt: skip
    delivery = Delivery.objects.create(
        **own, subscription=subscription, event=event, state="failed", attempts=10, next_at=now(), status=503,
        message="The subscriber answered 503.", log=[{"at": "2026-01-01T00:00:00", "status": 503, "message": "no"}],
    )  # fmt: skip
    alarm = Alarm.objects.create(
        **own, name=f"Night watch {n}", kind="execution_failed", integration_id=folder.id,
        document={"scope": {"_integrationId": hex24(folder.id)},
                  "channels": [{"_id": "a", "type": "email", "to": ["ops@acme.example"]}]},
    )  # fmt: skip
    subject = {"kind": "flow", "id": hex24(flow.id), "name": flow.name, "message": run.reason, "count": 1,
               "page": ["execution", hex24(run.id)], "since": now().isoformat(), "last": now().isoformat()}  # fmt: skip
    Firing.objects.create(
        alarm=alarm, group_key=f"flow:{hex24(flow.id)}", title=f"flow {flow.name}", since=now(), last_at=now(),
        count=1, told_at=now(), tellings=1, subjects={f"flow:{hex24(flow.id)}": subject},
    )  # fmt: skip
    content = {"alarm": {"name": alarm.name, "title": "Execution failed", "url": "/", "urgent": False},
               "organization": {"name": organization.name}, "advice": "Look.", "firings": [], "numFirings": 0,
               "timezone": "UTC"}  # fmt: skip
    told = Message.objects.create(
        **own, alarm=alarm, alarm_name=alarm.name, integration_id=folder.id, what="test", channel_id="a",
        channel_type="email", recipient="ops@acme.example", subject=f"Test {n}", content=content, state="sent",
        attempts=1, outcome="The mail server has taken it.", sent_at=now(),
    )  # fmt: skip
    blueprint = Blueprint.objects.create(**own, natural_id=f"service-{n}", title=f"Service {n}")
    entity = Entity.objects.create(
        **own, natural_id=f"payments-{n}", title=f"Payments {n}", blueprint=blueprint, properties={"stars": 3},
        relations={"dependsOn": {"value": [f"payments-{n}", "gone"]}}, sources=["repository.pay"],
    )  # fmt: skip
    suggestion = Suggestion.objects.create(
        **own, natural_id=f"suggestion-{n}", title=f"Billing {n}", origin_id="rule", source_id=entity.natural_id,
        target_id=f"billing-{n}", refreshed_at=now(),
        data={"blueprintId": blueprint.natural_id, "title": "Billing", "properties": {"stars": 4}},
    )  # fmt: skip
    item = WorkItem.objects.create(**own, lane="flows", kind="execution", target_id=new_id(), due_at=now())
    entry = AuditEntry.objects.create(
        **own, resource_type="flow", resource_id=flow.id, resource_name=flow.name, event="update", user=user,
        key_id=key.id,
        changes=[{"fieldPath": "name", "oldValue": "Ship", "newValue": flow.name}],
    )  # fmt: skip
    rows = (
        member, key, end_user, folder, connector, version, component, component_version, security, connection, export,
        group, credential,
        sink, script, cache, flow, run, exchange, error, schedule, event, notification, subscription, delivery, item,
        entry, approval, alarm, told, blueprint, entity, suggestion,
        automation, direct, listener, blob,
    )  # fmt: skip
    return {type(row): row for row in rows}
