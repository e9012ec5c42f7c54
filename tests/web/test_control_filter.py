from django.http import QueryDict

from ecsaudit.web.control_filter import CONTROL_WORDS, chosen_frameworks
from ecsaudit.web.filters import ListFilter
from ecsaudit.web.finding_list import SPEC


def read(address: str) -> ListFilter:
    return ListFilter.read(SPEC, QueryDict(address))


def test_a_control_has_words_whether_the_catalogue_knows_it_or_not() -> None:
    assert CONTROL_WORDS["pci-dss:10.2.1"] == "PCI DSS 10.2.1 Audit logs are enabled and active"
    assert CONTROL_WORDS["pci-dss@3.2.1:10.1"] == "PCI DSS 3.2.1 10.1"
    assert "pci-dss:10.99" in CONTROL_WORDS
    assert "nothing" not in CONTROL_WORDS
    assert len(list(CONTROL_WORDS)) == len(CONTROL_WORDS) > 100


def test_controls_are_worth_a_facet_once_a_framework_or_a_control_of_it_is_chosen() -> None:
    assert chosen_frameworks(read("framework=hipaa&control=pci-dss@3.2.1:10.1")) == {"hipaa", "pci-dss"}
    assert chosen_frameworks(read("-framework=hipaa&rule=x")) == set()
