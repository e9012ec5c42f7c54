from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from ecsaudit.notifications import managing, sealing
from ecsaudit.notifications.channels import CHANNELS
from ecsaudit.notifications.models import Channel, Message
from ecsaudit.people.models import User
from ecsaudit.policies.models import Policy
from tests import factories
from tests.notifications.conftest import this_machine_is_allowed
from tests.notifications.other_sides import http_side

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("this_machine_is_allowed")]
SECRET = "a signing secret for tests"
ADDRESS = "https://hooks.example.com/ecsaudit"
__all__ = ["this_machine_is_allowed"]


@pytest.fixture(autouse=True)
def own_folder(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR, settings.ENCRYPTION_KEYS = tmp_path, ()


def hook(url: str = ADDRESS, name: str = "Hook") -> Channel:
    return managing.save(channel=None, kind="webhook", name=name, settings={"url": url}, secrets={"secret": SECRET})


def text_of(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def test_the_list_costs_the_same_however_many_there_are(
    as_adam: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(3):
        channel = hook(name=f"Hook {number}")
        factories.message(channel=channel, findings=[factories.finding()])
    # session, user, sample and broken rules, numbers, policies, channels: 6
    with django_assert_num_queries(6):
        assert "Hook 2" in text_of(as_adam, "/channels/")


def test_everybody_sees_the_list_and_only_administrators_ways_to_change_it(
    as_vera: Client, as_ann: Client, as_adam: Client
) -> None:
    channel = hook()
    for client, may_change in ((as_vera, False), (as_ann, False), (as_adam, True)):
        text = text_of(client, "/channels/")
        assert "Hook" in text
        assert (f'href="/channels/{channel.pk}/"' in text, "New channel" in text) == (may_change, may_change)


def test_every_count_links_to_what_it_counts(as_vera: Client) -> None:
    channel = hook()
    message = factories.message(channel=channel)
    factories.delivery(finding=factories.finding(), channel=channel, message=message, created_at=timezone.now())
    text = text_of(as_vera, "/channels/")
    Policy.objects.get().channels.add(channel)
    assert '<a href="/policies/?channel=Hook">1</a>' in text_of(as_vera, "/channels/")
    assert "Default policy" in text_of(as_vera, "/policies/?channel=Hook")
    address = f"/deliveries/?channel={channel.pk}&days=7"
    assert f'<a href="{address.replace("&", "&amp;")}">1</a>' in text
    assert "Hook" in text_of(as_vera, address)
    assert f'<a href="/deliveries/?channel={channel.pk}&amp;standing=held&amp;days=90">0</a>' in text


def test_without_channels_the_list_says_what_to_do(as_vera: Client, as_adam: Client) -> None:
    assert "An administrator can make one." in text_of(as_vera, "/channels/")
    assert 'href="/channels/new/"' in text_of(as_adam, "/channels/")


@pytest.mark.parametrize("address", ["/channels/new/?kind=slack", "/channels/{}/", "/channels/{}/delete/", "/channels/{}/texts/",
                                     "/channels/{}/test/", "/channels/{}/switch/"])  # fmt: skip
def test_neither_viewers_nor_analysts_may_change_anything(
    as_vera: Client, as_ann: Client, adam: User, address: str
) -> None:
    channel = hook()
    for client in (as_vera, as_ann):
        assert client.post(address.format(channel.pk), {"name": "x", "switch": "off"}).status_code == 403
        page = client.get(address.format(channel.pk))
        if page.status_code != 405:
            assert page.status_code == 403
            assert "only administrators may open or change this; ask adam" in page.content.decode()
    found = Channel.objects.get()
    assert (found.name, found.enabled, Message.objects.count()) == ("Hook", True, 0)


def test_each_kind_has_a_form(as_adam: Client) -> None:
    kinds = text_of(as_adam, "/channels/new/")
    for key, kind in CHANNELS.items():
        assert f'href="?kind={key}"' in kinds
        form = text_of(as_adam, f"/channels/new/?kind={key}")
        assert all(f'name="{field.name}"' in form for field in kind.fields)


def test_a_channel_is_made_with_its_secret_sealed(as_adam: Client) -> None:
    answer = as_adam.post("/channels/new/?kind=webhook", {"name": "Hook", "url": ADDRESS, "secret": SECRET})
    channel = Channel.objects.get()
    assert answer.headers["Location"] == f"/channels/{channel.pk}/"
    assert (channel.settings, sealing.unseal(channel.sealed_secrets)) == ({"url": ADDRESS}, {"secret": SECRET})


def test_secrets_are_written_and_never_shown(as_adam: Client) -> None:
    channel = hook()
    sealed = channel.sealed_secrets
    for address in (
        "/channels/",
        f"/channels/{channel.pk}/",
        f"/channels/{channel.pk}/texts/",
        f"/channels/{channel.pk}/delete/",
    ):
        assert SECRET not in text_of(as_adam, address)
    refused = as_adam.post("/channels/new/?kind=webhook", {"name": "Hook", "url": ADDRESS, "secret": SECRET})
    assert "Another channel has this name" in refused.content.decode()
    assert SECRET not in refused.content.decode()
    as_adam.post(f"/channels/{channel.pk}/", {"name": "Renamed", "url": ADDRESS, "secret": ""})
    channel.refresh_from_db()
    assert (channel.name, channel.sealed_secrets) == ("Renamed", sealed)
    as_adam.post(f"/channels/{channel.pk}/", {"name": "Renamed", "url": ADDRESS, "secret": "an entirely new secret"})
    channel.refresh_from_db()
    assert sealing.unseal(channel.sealed_secrets) == {"secret": "an entirely new secret"}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"url": "https://169.254.169.254/latest/"}, "169.254.169.254 is not an address of the public internet"),
        ({"url": "http://hooks.example.com\\@10.0.0.1/"}, "characters that no address has"),
        ({"url": "ftp://hooks.example.com/"}, "must begin with https://"),
        ({"secret": "short"}, "must have at least 16 characters"),
        ({"secret": ""}, "This field is required"),
        ({"name": ""}, "This field is required"),
        ({"name": "Ho\u202eok"}, "The name holds characters that can&#x27;t be seen"),
    ],
)
def test_bad_input_is_told_at_its_field_and_nothing_is_made(
    as_adam: Client, fields: dict[str, str], problem: str
) -> None:
    given = {"name": "Hook", "url": ADDRESS, "secret": SECRET} | fields
    answer = as_adam.post("/channels/new/?kind=webhook", given)
    assert answer.status_code == 200
    assert problem in answer.content.decode()
    assert not Channel.objects.exists()


def test_a_missing_key_is_told_in_the_form_and_can_be_mended_there(as_adam: Client, settings: Settings) -> None:
    channel = hook()
    settings.ENCRYPTION_KEYS = (Fernet.generate_key().decode(),)
    answer = as_adam.post(f"/channels/{channel.pk}/", {"name": "Hook", "url": ADDRESS, "secret": ""})
    assert "The secrets that are kept can&#x27;t be opened: sealed with a key" in answer.content.decode()
    assert (
        as_adam.post(f"/channels/{channel.pk}/", {"name": "Hook", "url": ADDRESS, "secret": SECRET}).status_code == 302
    )


def test_a_test_shows_the_remote_answer(as_adam: Client) -> None:
    with http_side(status=403, body=b"<b>invalid_token</b>") as side:
        channel = hook(side.url())
        as_adam.post(f"/channels/{channel.pk}/test/")
    text = text_of(as_adam, f"/channels/{channel.pk}/")
    assert "Not accepted" in text
    assert "&lt;b&gt;invalid_token&lt;/b&gt;" in text
    assert '<span class="mono">403</span>' in text
    with http_side(body=b"kept") as side:
        Channel.objects.update(settings={"url": side.url()})
        as_adam.post(f"/channels/{channel.pk}/test/")
    text = text_of(as_adam, f"/channels/{channel.pk}/")
    assert "<strong>Accepted</strong>" in text
    assert "kept" in text


def test_a_channel_is_switched_off_and_on(as_adam: Client) -> None:
    channel = hook()
    for switch, enabled in (("off", False), ("on", True)):
        as_adam.post(f"/channels/{channel.pk}/switch/", {"switch": switch})
        channel.refresh_from_db()
        assert channel.enabled is enabled


def test_what_goes_with_a_channel_is_told_before_it_goes(as_adam: Client) -> None:
    channel = hook()
    factories.message(channel=channel, findings=[factories.finding()])
    text = text_of(as_adam, f"/channels/{channel.pk}/delete/")
    assert "the messages sent by it (1 finding)" in text
    assert Channel.objects.exists()
    as_adam.post(f"/channels/{channel.pk}/delete/")
    assert not Channel.objects.exists()


def test_a_channel_of_an_unknown_kind_is_listed_and_has_no_form(as_adam: Client) -> None:
    channel = factories.channel(kind="pigeon")
    assert "pigeon" in text_of(as_adam, "/channels/")
    assert as_adam.get(f"/channels/{channel.pk}/").status_code == 404


def test_texts_are_previewed_on_the_chosen_finding(as_adam: Client) -> None:
    channel = hook()
    newest = factories.finding()
    session = factories.exec_session(person="bob@example.com", started_at=factories.NOW - timedelta(days=1))
    older = factories.finding(session=session)
    address = f"/channels/{channel.pk}/texts/"
    given = {"title": "{finding.person}!", "body": "Look: {finding.command}", "do": "preview"}
    text = as_adam.post(address, given | {"finding": str(older.pk)}).content.decode()
    assert '<p class="preview-title">bob@example.com!</p>' in text
    assert "Look: /bin/sh" in text
    assert f'<option value="{older.pk}" selected>' in text
    assert f'<option value="{newest.pk}">' in text
    assert "ana@example.com!" in as_adam.post(address, given | {"finding": ""}).content.decode()
    channel.refresh_from_db()
    assert channel.title_template == ""


def test_without_findings_the_preview_is_on_a_made_up_one(as_adam: Client) -> None:
    text = text_of(as_adam, f"/channels/{hook().pk}/texts/")
    assert "a made-up finding" in text
    assert "[INFORMATIONAL] Test of this channel" in text


def test_a_problem_of_a_template_is_told_with_line_and_column_and_is_not_saved(as_adam: Client) -> None:
    channel = hook()
    address = f"/channels/{channel.pk}/texts/"
    given = {"title": "", "body": "one\n  {finding.persom}", "do": "save", "finding": ""}
    text = as_adam.post(address, given).content.decode()
    assert "Text, line 2, column 3: unknown placeholder {finding.persom}; did you mean {finding.person}?" in text
    assert "isn't saved" in text
    assert "{finding.persom}</textarea>" in text
    channel.refresh_from_db()
    assert channel.body_template == ""
    assert as_adam.post(address, given | {"body": "{finding.person}"}).status_code == 302
    channel.refresh_from_db()
    assert channel.body_template == "{finding.person}"


def test_a_preview_for_htmx_is_only_the_preview(as_adam: Client) -> None:
    address = f"/channels/{hook().pk}/texts/"
    text = as_adam.post(address, {"title": "Hello", "body": ""}, headers={"HX-Request": "true"}).content.decode()
    assert "Hello" in text
    assert "<html" not in text


def test_a_hostile_finding_stays_text_in_the_preview(as_adam: Client) -> None:
    factories.finding(session=factories.exec_session(command="<script>alert(1)</script>\n\u202e"))
    text = text_of(as_adam, f"/channels/{hook().pk}/texts/")
    assert "<script>alert" not in text
    assert "\u202e" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;↵‹U+202E›" in text
