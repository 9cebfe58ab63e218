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
