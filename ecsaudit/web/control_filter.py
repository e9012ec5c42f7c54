"""The dimensions `framework` and `control`, by which every list is filtered with the same words in its address.

framework=pci-dss           what serves any control of PCI DSS
control=pci-dss:10.2.1      what serves this one
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from django.db.models import Q

from ecsaudit.compliance.frameworks import FRAMEWORKS, control_of_key
from ecsaudit.findings.models import TagSet
from ecsaudit.web.filters import Dimension, ListFilter

# Up to so many findings, a list looks them up; of more it goes through its rows, because a page is soon full.
FEW = 2_000
FRAMEWORK_WORDS = {key: framework.name for key, framework in FRAMEWORKS.items()}


class ControlWords(Mapping[str, str]):
    """A control's key → its words. It has every key that can be a control's, and runs through those of the catalogue."""

    def __getitem__(self, key: str) -> str:
        control = control_of_key(key)
        if control is None:
            raise KeyError(key)
        return f"{control.framework_name} {control.identifier} {control.title}".rstrip()

    def __iter__(self) -> Iterator[str]:
        return (
            f"{framework.key}:{identifier}" for framework in FRAMEWORKS.values() for identifier in framework.controls
        )

    def __len__(self) -> int:
        return sum(len(framework.controls) for framework in FRAMEWORKS.values())


CONTROL_WORDS = ControlWords()


def dimensions(served_by: Callable[[Sequence[int]], Q]) -> tuple[Dimension, Dimension]:
    """Both for a list; `served_by` lets through its rows that have one of these tag sets."""

    def condition(keys: Sequence[str]) -> Q:
        return served_by(TagSet.objects.ids_with(keys))

    return (
        Dimension("framework", "", "Framework", FRAMEWORK_WORDS, condition),
        Dimension("control", "", "Control", CONTROL_WORDS, condition, in_its_framework),
    )


def in_its_framework(key: str) -> str:
    """`10.2.1 Audit logs are enabled and active`, where the framework is plain."""
    control = control_of_key(key)
    return f"{control.identifier} {control.title}".rstrip() if control else key


def framework_of(key: str) -> str:
    """The framework's key in a control's."""
    return key.partition(":")[0].partition("@")[0]


def chosen_frameworks(filter: ListFilter) -> set[str]:
    """Those whose controls are worth a facet: chosen themselves, or by one of their controls."""
    return {framework_of(value) for name, value in filter.included if name in ("framework", "control")}


def counts(filter: ListFilter, tag_sets: Iterable[tuple[int, int]]) -> dict[str, Counter[str]]:
    """How many rows each framework and, once a framework is chosen, each of its controls has.

    `tag_sets` are (id of a row, id of a tag set that it has).
    """
    chosen = chosen_frameworks(filter)
    keys = TagSet.objects.control_keys()
    served: dict[int, set[str]] = {}
    for row, tag_set in tag_sets:
        served.setdefault(row, set()).update(keys[tag_set])
    found: dict[str, Counter[str]] = {"framework": Counter(), "control": Counter()}
    for each in served.values():
        found["framework"].update(key for key in each if key in FRAMEWORKS)
        found["control"].update(key for key in each if key not in FRAMEWORKS and framework_of(key) in chosen)
    return found
