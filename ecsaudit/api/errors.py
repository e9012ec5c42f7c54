"""Every error as JSON: what is wrong, where, and what to do.

{"status": 400, "error": "…", "fields": {"change.close_reason": ["…"]}, "help": "…"}

`fields` names parts of the body, or parameters of the address; it is empty where the error is of no part.

400 the request can't be understood    401 no key, or one that opens nothing    403 not for this person or key
404 there is no such thing             409 triage refuses: nothing was changed  413, 415 not such a body      429 too often
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import SuspiciousOperation
from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from ecsaudit.findings.triage import TriageError

HELP = {
    400: "Mend what is named and send it again; /api/v1/schema/ says what each request takes.",
    401: "Send a key as “Authorization: Bearer ecsaudit_…”; keys are made on the screen “API keys”.",
    403: "Ask as somebody who may, or with a key that may.",
    404: "Look at the list for what there is.",
    405: "/api/v1/schema/ says which methods each address takes.",
    406: "Every answer is JSON: leave the header Accept out, or send “application/json”.",
    409: "Nothing was changed. Read it again, then decide.",
    413: "Name fewer findings, or mean them by a filter.",
    415: "Send JSON, with the header “Content-Type: application/json”.",
    429: "Wait as many seconds as the header Retry-After says.",
}


class Refused(APIException):
    """Triage refuses the change."""

    status_code = 409
    default_code = "refused"


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to an error; None for one that is ours."""
    answer = exception_handler(known(error), context)
    if answer is None:
        return None
    fields = fields_of(answer.data) if isinstance(known(error), ValidationError) else {}
    answer.data = {
        "status": answer.status_code,
        "error": "the request can't be used as it is" if fields else what(answer.data),
        "fields": fields,
        "help": HELP.get(answer.status_code, ""),
    }
    return answer


def known(error: Exception) -> Exception:
    """The error as DRF knows it."""
    if isinstance(error, TriageError):
        return Refused(str(error))
    # Such as more parameters than anybody means.
    return ParseError(str(error)) if isinstance(error, SuspiciousOperation) else error


def what(data: Any) -> str:
    return str(data.get("detail", "")) if isinstance(data, Mapping) else ""


def fields_of(data: Any) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, problem in leaves(data):
        fields.setdefault(name, []).append(problem)
    return fields


def leaves(data: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every problem with its path in the body: `findings.3`."""
    if isinstance(data, Mapping):
        for name, part in data.items():
            # What is wrong with several fields together.
            yield from leaves(part, path if name == "non_field_errors" else f"{path}.{name}".lstrip("."))
    elif isinstance(data, list):
        for part in data:
            yield from leaves(part, path)
    else:
        yield path or "body", str(data)
