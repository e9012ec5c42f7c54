"""Importing rule files: the upload, and what it would do, to be confirmed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from ecsaudit.library import import_drafts, services, uploads
from ecsaudit.library.effective import RulesBroken, rules
from ecsaudit.library.importing import Fate, Plan
from ecsaudit.library.models import ImportDraft, Library
from ecsaudit.library.texts import TextRefused
from ecsaudit.web.access import analysts_only, person
from ecsaudit.web.in_force import but_not_yet

_CHOICE = "choice-"
_NUMBERED = re.compile(rf"{_CHOICE}[0-9]{{1,9}}")


@require_http_methods(["GET", "POST"])
@analysts_only
def upload(request: HttpRequest) -> HttpResponse:
    """Choose files or paste a text; nothing is changed."""
    if request.method != "POST":
        return render(request, "library/import.html", {"limit": uploads.MAX_BYTES // 1_000_000})
    pasted, given = request.POST.get("pasted", ""), request.FILES.getlist("files")
    try:
        if sum(file.size or 0 for file in given) > uploads.MAX_BYTES:
            raise uploads.UploadRefused([uploads.TOO_MUCH])
        found = uploads.read([(file.name or "", file.read()) for file in given], pasted)
    except uploads.UploadRefused as error:
        context = {"problems": error.problems, "pasted": pasted, "limit": uploads.MAX_BYTES // 1_000_000}
        return render(request, "library/import.html", context)
    draft = import_drafts.keep(files=found.files, author=person(request))
    if found.passed_over:
        messages.info(request, f"Not rule files, passed over: {', '.join(found.passed_over[:10])}.")
    return redirect("rule-import-preview", draft.pk)


@require_http_methods(["GET", "POST"])
@analysts_only
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What an upload would do, with choices; a post with a message does it, if it is still true."""
    draft = get_object_or_404(ImportDraft, pk=pk, author=person(request))
    try:
        effective = rules.current()
    except RulesBroken:
        return render(request, "library/broken.html", {"library": Library.objects.first()})
    found = import_drafts.preview(draft, effective, choices_in(request.POST))
    note = ""
    if request.POST.get("do") == "import":
        if request.POST.get("seen") != str(found.seen):
            # The numbers of the choices may stand for other items now.
            found = import_drafts.preview(draft, effective, {})
            note = "The library was changed since you looked. Look again: this is what would happen now."
        else:
            note = done(request, draft, found)
        if not note:
            return redirect("library")
    return render(request, "library/import_preview.html", shown(request, draft, found) | {"note": note})


def choices_in(post: Mapping[str, str]) -> dict[int, str]:
    """The choices by the proposals' numbers."""
    return {int(name.removeprefix(_CHOICE)): post[name] for name in post if _NUMBERED.fullmatch(name)}


def done(request: HttpRequest, draft: ImportDraft, found: import_drafts.Preview) -> str:
    """Import; what kept it from happening, or nothing."""
    message = request.POST.get("message", "").strip()[:500]
    if found.plan.problems:
        return "Nothing was imported: mend what is named below first."
    if not message:
        return "Nothing was imported: say why, for the history."
    try:
        import_drafts.take_in(draft=draft, plan=found.plan, author=person(request), message=message, seen=found.seen)
    except (services.LibraryError, TextRefused) as error:
        return f"Nothing was imported: {error}."
    changed = Counter(proposal.fate for proposal in found.plan.proposals if proposal.change is not None)
    counts = ", ".join(f"{changed[fate]} {fate}" for fate in Fate if changed[fate])
    done = f"Imported: {counts}.{but_not_yet()}" if counts else "Nothing to import: all of it is here already."
    messages.success(request, done)
    return ""


def shown(request: HttpRequest, draft: ImportDraft, found: import_drafts.Preview) -> dict[str, object]:
    plan: Plan = found.plan
    fates = Counter(proposal.fate for proposal in plan.proposals)
    return {
        "draft": draft,
        "plan": plan,
        "seen": found.seen,
        "message": request.POST.get("message", ""),
        "changing": [proposal for proposal in plan.proposals if proposal.fate != Fate.SAME],
        "same": [proposal for proposal in plan.proposals if proposal.fate == Fate.SAME],
        "counts": [(fate.label, fates[fate]) for fate in Fate if fates[fate]],
        "files": [name for name, _ in draft.pairs],
    }
