"""Uploaded rule files between being looked at and being imported: ImportDraft rows, and what is done with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from ecsaudit.library import importing, services
from ecsaudit.library.effective import Effective
from ecsaudit.library.models import Files, ImportDraft, Library, RuleException, Version
from ecsaudit.people.models import User

KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do, and the state of the library that this is true for."""

    plan: importing.Plan
    seen: int


@transaction.atomic
def keep(*, files: Files, author: User) -> ImportDraft:
    """Keep an upload; the author's earlier ones go, and everybody's old ones."""
    ImportDraft.objects.filter(author=author).delete()
    ImportDraft.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    return ImportDraft.objects.create(author=author, files=[list(pair) for pair in files])


def preview(draft: ImportDraft, effective: Effective, choices: Mapping[int, str]) -> Preview:
    seen = Version.objects.newest()
    library = Library.objects.get(pk=1)
    found = importing.plan(
        draft.pairs,
        shipped=library.shipped_files,
        current=Version.objects.current(),
        modes={rule.name: effective.mode_of(rule) for rule in effective.rules},
        known_problems=library.problems,
        choices=choices,
        exceptions=dict(RuleException.objects.values_list("name", "state")),
        now=timezone.now(),
    )
    return Preview(found, seen)


@transaction.atomic
def take_in(*, draft: ImportDraft, plan: importing.Plan, author: User, message: str, seen: int) -> None:
    """Do what the plan says, all of it or nothing; raises what services.save_all raises."""
    services.save_all(changes=plan.changes, author=author, message=message, seen=seen)
    draft.delete()
