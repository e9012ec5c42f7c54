import re

import pytest
from django.test import Client
from django.urls import URLPattern

from ecsaudit.library.effective import rules
from ecsaudit.urls import urlpatterns
from ecsaudit.web.middleware import pages_above
from tests import factories

pytestmark = pytest.mark.django_db


def addresses() -> list[str]:
    """Every address, with 1 for each number in it."""
    patterns = [str(each.pattern) for each in urlpatterns if isinstance(each, URLPattern)]
    return ["/" + re.sub(r"<int:\w+>", "1", pattern).replace("<slug:key>", "pci-dss") for pattern in patterns]


def test_an_address_that_only_takes_forms_says_so_and_leads_back(as_vera: Client) -> None:
    finding = factories.finding()
    answer = as_vera.get(f"/findings/{finding.pk}/change/")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Content-Security-Policy" in answer.headers
    page = answer.content.decode()
    assert "This is no page to open" in page
    assert "The address takes only POST" in page
    assert f'<a href="/findings/{finding.pk}/">Go back to' in page
    assert as_vera.head(f"/findings/{finding.pk}/change/").status_code == 405


def test_every_such_address_has_the_page_and_leads_to_one_that_can_be_opened(as_adam: Client) -> None:
    rules.current()
    refused = [address for address in addresses() if as_adam.get(address).status_code == 405]
    assert {"/findings/act/", "/policies/1/save/", "/logout/", "/sample/remove/", "/rules/save/"} <= set(refused)
    for address in refused:
        page = as_adam.get(address).content.decode()
        back = re.search(r'<a href="([^"]*)">Go back to', page)
        assert back, address
        assert as_adam.get(back[1]).status_code in (200, 404), address


def test_other_methods_are_named_and_what_they_may_be(as_adam: Client) -> None:
    answer = as_adam.delete("/channels/new/")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, POST")
    assert "This address does not take DELETE" in answer.content.decode()


def test_who_reads_no_html_gets_no_page(as_vera: Client) -> None:
    answer = as_vera.get("/findings/act/", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.headers["Allow"], answer.content) == (405, "POST", b"")


def test_a_stranger_is_asked_to_log_in_first(client: Client) -> None:
    assert client.get("/findings/act/").headers["Location"] == "/login/?next=/findings/act/"


@pytest.mark.parametrize(
    ("path", "above"),
    [
        ("/findings/actions/3/undo/", ["/findings/actions/", "/findings/", "/"]),
        ("/rules/tests/3/remove/", ["/rules/", "/"]),
        ("/logout/", ["/"]),
        ("//evil.example/x/", ["/"]),
        ("/", ["/"]),
    ],
)
def test_the_pages_above_an_address_are_those_that_exist(path: str, above: list[str]) -> None:
    assert list(pages_above(path)) == above
