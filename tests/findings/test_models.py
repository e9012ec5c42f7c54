import pytest

from ecsaudit.findings.models import TagSet
from tests import factories

pytestmark = pytest.mark.django_db


def test_tag_sets_are_found_by_the_keys_of_frameworks_and_controls() -> None:
    pci = factories.tag_set("cloud", "PCI_DSS_10.2.1", "SOC2_CC6.1")
    soc = factories.tag_set("SOC2_CC6.1")
    factories.tag_set("cloud")
    assert TagSet.objects.ids_with(["soc-2:CC6.1"]) == [pci.pk, soc.pk]
    assert TagSet.objects.ids_with(["pci-dss"]) == [pci.pk]
    assert TagSet.objects.ids_with(["pci-dss", "soc-2"]) == [pci.pk, soc.pk]
    assert TagSet.objects.ids_with(["hipaa"]) == []


def test_a_list_of_tags_has_one_digest_whatever_kind_of_sequence_holds_it() -> None:
    assert TagSet.digest_of(["a", "b"]) == TagSet.digest_of(("a", "b"))
    assert TagSet.digest_of(["a", "b"]) != TagSet.digest_of(["a,b"])
    assert len(TagSet.digest_of([])) == 64
