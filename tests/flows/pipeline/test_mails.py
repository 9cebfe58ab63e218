"""Flows that send a mail for each record, through a mail server of their connection's own."""

import base64

import pytest

from apps.connections import health
from apps.connections.access import open_row, open_unsaved
from apps.connections.models import Connection
from apps.connections.resource import CONNECTIONS
from apps.core.errors import DomainError
from apps.core.gateway import Mode
from apps.executions.kinds import Run
from apps.executions.models import Exchange, RecordError
from apps.executions.services import begin
from apps.flows.models import Import
from apps.flows.pipeline import pages
from apps.flows.pipeline.coordinator import Coordinator
from apps.work import claims, leases
from tests.file_servers import PASSWORD, USER
from tests.flows.pipeline.test_ending import lapse
from tests.mail_servers import free_port, mail_server

PEOPLE = [
    {"id": 1, "name": "Ana & Bo", "mail": "ana@example.org"},
    {"id": 2, "name": "Chloé", "mail": "chloe@example.org"},
]


@pytest.fixture
def post():
    with mail_server(logs_in=False) as running:
        yield running


def to_mails(workshop, post, **members):
    document = {"email": {"host": "localhost", "port": post.port, "security": "none", "from": "shop@example.org"}}
    connection = Connection.objects.create(
        organization=workshop.owner.organization, name="post", type="email", document=document
    )
    email = {"to": ["{{record.mail}}"], "subject": "Order {{record.id}}", "body": "Dear {{record.name}}"}
    email |= members.pop("email", {})
    return Import.objects.create(
        organization=workshop.owner.organization, name="mails", adaptor_type="EmailImport", connection=connection,
        document={"email": email, **members},
    )  # fmt: skip


def flow_of(workshop, sink, people=PEOPLE, **extra):
    workshop.system.serve_pages("/people", people)
    return workshop.flow(workshop.export("/people?page={{export.http.paging.page}}"), (sink, extra))


def test_each_record_becomes_a_mail(workshop, post):
    html = "<p>Dear {{record.name}}</p>"
    files = [
        {"fileName": "order-{{record.id}}.txt", "contentType": "text/plain", "content": "no. {{record.id}}"},
        {"fileName": "a.bin", "content": base64.b64encode(b"\x00\xff").decode(), "encoding": "base64"},
    ]
    sink = to_mails(workshop, post, email={"html": html, "attachments": files, "cc": ["Bo <bo@example.org>; c@x.org"]})

    execution = workshop.run(flow_of(workshop, sink))

    assert (execution.state, execution.success_count) == ("succeeded", 2)
    first, second = (letter.message for letter in post.letters)
    assert (first["Subject"], first["To"], first["From"]) == ("Order 1", "ana@example.org", "shop@example.org")
    assert post.letters[0].recipients == ["ana@example.org", "bo@example.org", "c@x.org"]
    assert first.get_body(["plain"]).get_content().strip() == "Dear Ana & Bo"
    assert first.get_body(["html"]).get_content().strip() == "<p>Dear Ana &amp; Bo</p>"
    assert "Chloé" in second.get_body(["plain"]).get_content()
    assert [(one.get_filename(), one.get_content()) for one in first.iter_attachments()] == [
        ("order-1.txt", "no. 1"), ("a.bin", b"\x00\xff"),
    ]  # fmt: skip
    assert first["Message-ID"] != second["Message-ID"]
    assert post.sessions == 1


def test_the_mapped_record_is_what_templates_see_and_the_message_id_is_answered(workshop, post):
    mappings = [{"generate": "who", "dataType": "string", "extract": "$.mail", "status": "Active"}]
    sink = to_mails(workshop, post, mappings=mappings, email={"to": ["{{record.who}}"]})
    after = workshop.import_("/after", mappings=[])
    workshop.system.take("/after")
    workshop.system.serve_pages("/people", PEOPLE)
    mapping = {"responseMapping": {"fields": [{"extract": "id", "generate": "sent"}]}}
    export = workshop.export("/people?page={{export.http.paging.page}}")

    workshop.run(workshop.flow(export, (sink, mapping), after))

    known = {call.json["sent"] for call in workshop.system.made("POST /after")}
    assert known == {letter.message["Message-ID"] for letter in post.letters}


def test_a_plan_shows_the_mails_and_sends_none(workshop, post):
    flow = flow_of(workshop, to_mails(workshop, post))
    execution = workshop.start(flow, mode=Mode.PLAN)
    workshop.work()

    planned = Exchange.objects.filter(execution=execution, method="MAIL", planned=True)
    assert sorted(planned.values_list("url", flat=True)) == ["mailto:ana@example.org", "mailto:chloe@example.org"]
    assert (post.letters, post.sessions) == ([], 0)


def test_a_refused_recipient_fails_its_record_alone(workshop, post):
    post.answers["ana@example.org"] = "550 no such person"
    execution = workshop.run(flow_of(workshop, to_mails(workshop, post)))

    assert (execution.success_count, execution.error_count) == (1, 1)
    error = RecordError.objects.get()
    assert "550 no such person" in error.message
    assert error.retryable
    assert [letter.recipients for letter in post.letters] == [["chloe@example.org"]]


def test_what_reached_some_is_sent_and_says_whom_it_did_not_reach(workshop, post):
    post.answers["bo@example.org"] = "550 no such person"
    sink = to_mails(workshop, post, email={"to": ["{{record.mail}}, bo@example.org"]})
    execution = workshop.run(flow_of(workshop, sink, PEOPLE[:1]))

    assert execution.success_count == 1
    error = RecordError.objects.get()
    assert (error.code, error.retryable) == ("recipients_refused", False)
    assert "bo@example.org" in error.message


@pytest.mark.parametrize(
    ("people", "says"),
    [
        ([{"id": 1, "mail": "nobody"}], "not a mail address"),
        ([{"id": 1}], "no recipient"),
        ([{"id": "1\nBcc: x@example.org", "mail": "a@example.org"}], "line break"),
        ([{"id": 1, "mail": "a@example.org\nBcc: x@example.org"}], "not a mail address"),
    ],
)
def test_a_record_that_makes_no_mail_fails_by_name(workshop, post, people, says):
    execution = workshop.run(flow_of(workshop, to_mails(workshop, post), people))

    assert execution.error_count == 1
    assert says in RecordError.objects.get().message
    assert post.letters == []


def test_a_line_that_breaks_in_the_middle_of_a_mail_leaves_it_in_doubt_and_the_others_go(workshop, post):
    post.to_data = ["hang up"]
    execution = workshop.run(flow_of(workshop, to_mails(workshop, post)))

    assert (execution.success_count, execution.error_count) == (1, 1)
    assert RecordError.objects.get().code == "in_doubt"
    assert [letter.recipients for letter in post.letters] == [["chloe@example.org"]]


def test_a_passing_refusal_can_be_retried(workshop, post):
    post.to_data = ["451 greylisted, come back"]
    flow = flow_of(workshop, to_mails(workshop, post), PEOPLE[:1])
    workshop.run(flow)

    error = RecordError.objects.get()
    assert (error.classification, error.retryable) == ("intermittent", True)


def test_without_its_server_the_page_waits_until_it_is_back(workshop):
    class Gone:
        port = free_port()

    sink = to_mails(workshop, Gone)
    execution = workshop.run(flow_of(workshop, sink))
    sink.connection.refresh_from_db()
    assert not execution.is_terminal
    assert sink.connection.offline_since

    with mail_server(port=Gone.port, logs_in=False) as post:
        assert health.ping(open_row(sink.connection)).ok
        workshop.finish(execution)
    assert (execution.state, len(post.letters)) == ("succeeded", 2)


def test_a_worker_that_vanished_while_sending_leaves_its_mails_in_doubt(workshop, post):
    execution = workshop.start(flow_of(workshop, to_mails(workshop, post)))
    (claim,) = claims.claim_next("flows")
    begin(execution, claim)
    vanished = Coordinator(Run(execution=execution, claim=claim))
    vanished.load_progress()
    vanished.make_pages(10)
    (batch,) = vanished.mine
    settlement = pages.Settlement(vanished.plan, vanished.recorder)
    pages.take_step(vanished.plan.steps[0], [pages.part_at(batch, 0)], settlement)  # sent, and never committed
    leases.let_go(leases.held())
    lapse()

    execution = workshop.finish(execution)

    assert len(post.letters) == 2
    assert list(RecordError.objects.values_list("code", flat=True)) == ["in_doubt"] * 2


def test_starttls_and_login_by_the_connections_own_words(owner, tmp_path, transactional_db):
    with mail_server(folder=tmp_path) as post:
        email = {"host": "localhost", "port": post.port, "username": USER, "password": PASSWORD, "ca": post.certificate}

        def ping(**changes):
            document = {"type": "email", "email": {**email, **changes}}
            connection = open_unsaved(
                document=document, type="email", name="post", organization_id=owner.organization.id
            )
            return health.ping(connection)

        assert ping().ok
        assert post.logins == [USER]
        assert "refuses the login" in ping(password="wrong").message
        assert "do not agree on TLS" in ping(ca="").message
        assert ping(ca="", disableStrictSSL=True).ok


def test_a_server_that_offers_no_tls_is_not_spoken_to_without(owner, post, transactional_db):
    document = {"type": "email", "email": {"host": "localhost", "port": post.port}}
    connection = open_unsaved(document=document, type="email", name="post", organization_id=owner.organization.id)
    assert "STARTTLS" in health.ping(connection).message


def test_the_password_is_kept_apart_and_read_back_masked(owner, transactional_db):
    email = {"host": "mail.example.org", "username": USER, "password": PASSWORD}
    row = CONNECTIONS.create(actor=owner.actor, document={"name": "post", "type": "email", "email": email})
    assert CONNECTIONS.show(row)["email"]["password"] == "******"
    assert open_row(row).document.password == PASSWORD


@pytest.mark.parametrize(
    ("email", "field"),
    [
        ({}, "email.host"),
        ({"host": "a b"}, "email.host"),
        ({"host": "x.org", "security": "ssl3"}, "email.security"),
        ({"host": "x.org", "username": "u"}, "email.password"),
        ({"host": "x.org", "port": 99999}, "email.port"),
        ({"host": "x.org", "from": "a\nb"}, "email.from"),
    ],
)
def test_a_document_that_names_no_mail_server_is_refused_by_member(owner, transactional_db, email, field):
    with pytest.raises(DomainError) as caught:
        CONNECTIONS.create(actor=owner.actor, document={"name": "post", "type": "email", "email": email})
    errors = getattr(caught.value, "errors", [caught.value])
    assert field in [error.field for error in errors]
