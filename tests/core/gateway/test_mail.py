import pytest
from django.core import mail as outbox

from apps.core import gateway
from apps.core.gateway.mail import Mail, send_mail

LIVE = gateway.SendContext()


def letter(**changes):
    return Mail(**{"to": ["ana@example.org"], "subject": "Done", "text": "All is done.", **changes})


def test_a_mail_reaches_the_mail_server():
    send_mail(letter(html="<b>done</b>", cc=["bo@example.org"]), context=LIVE)

    (sent,) = outbox.outbox
    assert (sent.subject, sent.to, sent.cc, sent.body) == (
        "Done",
        ["ana@example.org"],
        ["bo@example.org"],
        "All is done.",
    )
    assert sent.alternatives[0][0] == "<b>done</b>"


def test_plan_captures_and_sends_nothing():
    recorder = gateway.MemoryRecorder()
    plan = gateway.SendContext(mode=gateway.Mode.PLAN, recorder=recorder, secrets=("All is",))

    send_mail(letter(), context=plan)

    assert outbox.outbox == []
    (exchange,) = recorder.exchanges
    assert (exchange.planned, exchange.write_kind, exchange.request_body) == (True, "none", "****** done.")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"to": []}, "no recipient"),
        ({"to": ["not an address"]}, "'not an address' is not a mail address"),
        ({"subject": "a\nBcc: x@example.org"}, "line break"),
        ({"sender": "x@example.org\nBcc: y@example.org"}, "not a mail address"),
        ({"to": ["a@example.org"] * 101}, "101 recipients"),
    ],
)
def test_what_is_no_mail_is_named(changes, says):
    with pytest.raises(gateway.InvalidRequest, match=says):
        send_mail(letter(**changes), context=LIVE)
    assert outbox.outbox == []


def test_a_mail_server_that_is_not_there_is_named(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    recorder = gateway.MemoryRecorder()

    with pytest.raises(gateway.MailFailed, match="cannot be reached") as caught:
        send_mail(letter(), context=gateway.SendContext(recorder=recorder))

    assert caught.value.category is gateway.Category.TRANSIENT
    assert recorder.exchanges[0].error_code == "gateway.mail_failed"


def test_a_mail_keeps_the_message_id_it_is_given_on_the_wire(mailbox):
    for _ in range(2):
        send_mail(letter(message_id="<a1@junction.example>"), context=LIVE)
    send_mail(letter(), context=LIVE)

    ids = [str(found["Message-ID"]) for found in mailbox.letters]
    assert ids[:2] == ["<a1@junction.example>"] * 2
    assert ids[2] not in ids[:2]
    assert mailbox.texts == ["All is done.\n"] * 3


def test_what_a_mail_server_answers_tells_whether_it_is_worth_another_try(mailbox):
    mailbox.answers += ["451 come back later", "554 we do not want this"]

    with pytest.raises(gateway.MailFailed, match="451 come back later") as passing:
        send_mail(letter(), context=LIVE)
    with pytest.raises(gateway.MailFailed, match="554 we do not want this") as lasting:
        send_mail(letter(), context=LIVE)

    assert passing.value.category is gateway.Category.TRANSIENT
    assert lasting.value.category is gateway.Category.DATA
    assert mailbox.letters == []
