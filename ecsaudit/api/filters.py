"""Lists as the address asks for them: the words and defaults of the screen of findings, but strict.

Where a screen shows the rest and says what it could not use, a program is refused: a word that is left out of a filter would
make a change reach more than was meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import QueryDict
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from ecsaudit.people.models import User
from ecsaudit.web.exports import Column
from ecsaudit.web.filters import ANY, DAYS, ListFilter, Spec
from ecsaudit.web.finding_list import SPEC, spec_for
from ecsaudit.web.lists import Listing
from ecsaudit.web.paging import PAGE_SIZE, page, place_of

TIME = ("days", "from", "to")
AFTER = "after"


def names_of(spec: Spec) -> list[str]:
    """Every parameter of the filter."""
    dimensions = [dimension.name for dimension in spec.dimensions]
    return [*TIME, "q", "view", *dimensions, *(f"-{name}" for name in dimensions)]


def asked_filter(user: User, address: QueryDict, also: Sequence[str] = ()) -> ListFilter:
    """The filter of the address; `also` are parameters that it may have beside. ValidationError names what can't be used."""
    spec = spec_for(user.pk)
    filter = ListFilter.read(spec, address)
    # Each begins with the parameter's name in quotation marks.
    problems = [(problem.partition("”")[0].removeprefix("“"), problem) for problem in filter.problems]
    names = names_of(spec)
    unknown = [name for name in address if name not in (*names, *also)]
    problems += [(name[:80], f"is none of the filters {', '.join(names)}") for name in unknown]
    if problems:
        fields: dict[str, list[str]] = {}
        for name, problem in problems:
            fields.setdefault(name, []).append(problem)
        raise ValidationError(fields)
    return filter


def listed(request: Request, listing: Listing, columns: Sequence[Column]) -> dict[str, Any]:
    """One page: rows as these columns have them, and the address of the next page."""
    assert isinstance(request.user, User)
    filter = asked_filter(request.user, request.query_params, also=(AFTER,))
    token = request.query_params.get(AFTER, "")
    after = place_of(token) if token else None
    if token and after is None:
        raise ValidationError({AFTER: ["is not a place in this list; follow the “next” of the page before"]})
    time = listing.time or listing.spec.time
    paths = {"pk", time, *(column.path for column in columns)}
    found = page(listing.found(filter, timezone.now()).values(*paths), time, after=after, before=None)
    here = request.build_absolute_uri(request.path)
    return {
        "next": here + filter.address(**{AFTER: found.older}) if found.older else None,
        "results": [{column.name: column.value(row) for column in columns} for row in found.rows],
    }


def parameters() -> list[OpenApiParameter]:
    """The filter, as the schema tells of it."""
    said = [
        OpenApiParameter("days", OpenApiTypes.INT, description=f"So many days back, such as {DAYS}; 30 by default"),
        OpenApiParameter("from", description="Since then (UTC): 2026-11-02 or 2026-11-02T09:30:00"),
        OpenApiParameter("to", description="Up to then, the day or second itself within"),
        OpenApiParameter("q", description="In rule and output; or the id of a CloudTrail event"),
        OpenApiParameter("view", description="Of the screen's address; means nothing here"),
        OpenApiParameter(AFTER, description=f"Where the page before ended, as its “next” has it; {PAGE_SIZE} a page"),
    ]
    for dimension in SPEC.dimensions:
        default = f"{', '.join(dimension.default)} by default; “{ANY}” for all" if dimension.default else ""
        for sign, words in (("", f"One of these. {default}".strip()), ("-", "None of these")):
            said.append(OpenApiParameter(sign + dimension.name, str, many=True, description=words))
    return said
