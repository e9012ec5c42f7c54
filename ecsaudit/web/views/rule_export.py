"""The rule set that judges, as Falco rule files to download."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from ecsaudit.library import exporting
from ecsaudit.library.effective import RulesBroken, rules
from ecsaudit.library.models import RuleSet


@require_safe
def everything(request: HttpRequest) -> HttpResponse:
    """All files as a zip."""
    rule_set = judging()
    return download(exporting.zipped(rule_set), "application/zip", f"ecsaudit-rules-{rule_set.pk}.zip")


@require_safe
def own(request: HttpRequest) -> HttpResponse:
    """What is not shipped, in one file."""
    return download(exporting.own_text(judging()).encode(), "application/yaml", "rules.yaml")


def judging() -> RuleSet:
    try:
        return RuleSet.objects.get(pk=rules.current().pk)
    except RulesBroken as error:
        raise Http404("there is no good rule set to export") from error


def download(content: bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
