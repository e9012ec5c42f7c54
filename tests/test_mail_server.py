import pytest

from ecsaudit.environment import BadSetting
from ecsaudit.mail_server import MailServer, sender


def server(address: str) -> MailServer:
    return MailServer.of(address, "ECSAUDIT_SMTP_URL")


def test_without_an_address_there_is_none() -> None:
    assert server("") == MailServer()


def test_an_address_says_everything() -> None:
    assert server("smtp://ana%40example.com:p%3Ass@mail.example.com?starttls") == MailServer(
        host="mail.example.com", port=587, user="ana@example.com", password="p:ss", starttls=True
    )
    assert server("smtps://mail.example.com") == MailServer(host="mail.example.com", port=465, tls=True)
    assert server("smtp://127.0.0.1:1025/") == MailServer(host="127.0.0.1", port=1025)


@pytest.mark.parametrize(
    "address",
    ["http://mail.example.com", "mail.example.com", "smtp://", "smtp://a:b@h:x", "smtp://h?tls", "smtp://h/x"],
)
def test_what_can_not_be_read_is_told_without_the_password(address: str) -> None:
    with pytest.raises(BadSetting, match="ECSAUDIT_SMTP_URL can't be read; use smtp://user:password@host"):
        server(address)


def test_two_kinds_of_encryption_at_once_are_refused() -> None:
    with pytest.raises(BadSetting, match=r"smtps:// and starttls"):
        server("smtps://mail.example.com?starttls")


def test_a_password_is_not_shown() -> None:
    assert "hush" not in repr(server("smtp://ana:hush@mail.example.com"))


def test_a_sender_is_an_address_with_or_without_a_name() -> None:
    for text in ("ecsaudit@example.com", "ecsaudit <ecsaudit@example.com>"):
        assert sender(text, "ECSAUDIT_EMAIL_FROM") == text


@pytest.mark.parametrize("text", ["ecsaudit", "", "ecsaudit@example.com\nBcc: eve@evil.example"])
def test_what_is_no_sender_is_refused(text: str) -> None:
    with pytest.raises(BadSetting, match=r"ECSAUDIT_EMAIL_FROM is .*; use an address such as"):
        sender(text, "ECSAUDIT_EMAIL_FROM")
