"""LookupEvents itself: its parameters, filters and pages. Knows nothing of HTTP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ecsaudit.demo import page_token
from ecsaudit.demo.api_error import ApiError
from ecsaudit.demo.compact_json import compact_json
from ecsaudit.demo.stored_events import EventStore, StoredEvent

KEPT_FOR = timedelta(days=90)
LARGEST_PAGE = 50
LONGEST_VALUE = 2000
ATTRIBUTE_KEYS = frozenset(
    {"EventId", "EventName", "EventSource", "ReadOnly", "Username", "AccessKeyId", "ResourceType", "ResourceName"}
)


@dataclass(frozen=True, slots=True)
class LookupRequest:
    """Checked parameters. Times are seconds since 1970; `fingerprint` stands for all but the NextToken."""

    attribute: tuple[str, str] | None
    start_time: float | None
    end_time: float | None
    max_results: int
    wants_insights: bool
    next_token: str | None
    fingerprint: str

    @classmethod
    def of(cls, params: Mapping[str, object]) -> "LookupRequest":
        """Raises ApiError, named as CloudTrail names it, for the first parameter that is wrong."""
        start_time, end_time = _seconds(params, "StartTime"), _seconds(params, "EndTime")
        if start_time is not None and end_time is not None and start_time > end_time:
            raise ApiError("InvalidTimeRangeException", "The start time must not be later than the end time.")
        repeated = {name: params[name] for name in sorted(params) if name != "NextToken"}
        return cls(
            attribute=_attribute(params.get("LookupAttributes")),
            start_time=start_time,
            end_time=end_time,
            max_results=_max_results(params.get("MaxResults")),
            wants_insights=_wants_insights(params.get("EventCategory")),
            next_token=_next_token(params.get("NextToken")),
            fingerprint=compact_json(repeated),
        )

    def matches(self, event: StoredEvent, as_of: datetime) -> bool:
        """Both bounds are inclusive, and nothing is older than 90 days."""
        happened_at = event.event_time.timestamp()
        latest = as_of.timestamp() if self.end_time is None else self.end_time
        return (
            event.event_time >= as_of - KEPT_FOR
            and happened_at <= latest
            and (self.start_time is None or happened_at >= self.start_time)
            and (self.attribute is None or self.attribute[1] in _values(event, self.attribute[0]))
        )


def answer(
    request: LookupRequest, store: EventStore, place: tuple[str, str], now: datetime, *, empty: bool = False
) -> dict[str, object]:
    """One page for (account id, Region) as LookupEvents returns it. Raises ApiError, UnknownAccount.

    All pages of one look-up see the events delivered by its first page. `empty` holds the page's events back for the
    next page.
    """
    scope = "/".join((*place, request.fingerprint))
    position = page_token.Position(as_of=now, offset=0)
    if request.next_token is not None:
        position = page_token.read(request.next_token, scope)
    delivered = () if request.wants_insights else store.events(*place, position.as_of)
    matching = [event for event in delivered if request.matches(event, position.as_of)]
    end = position.offset + (0 if empty else request.max_results)
    page: dict[str, object] = {"Events": [_item(event) for event in matching[position.offset : end]]}
    if end < len(matching) or empty:
        following = page_token.Position(position.as_of, end, position.empty_pages + empty)
        page["NextToken"] = page_token.write(following, scope)
    return page


def _item(event: StoredEvent) -> dict[str, object]:
    seconds = event.event_time.timestamp()
    item: dict[str, object] = {
        "EventId": event.event_id,
        "EventName": event.event_name,
        "ReadOnly": event.read_only,
        "EventTime": int(seconds) if seconds.is_integer() else seconds,
        "EventSource": event.event_source,
        "Resources": [
            {"ResourceType": resource.resource_type, "ResourceName": resource.resource_name}
            for resource in event.resources
        ],
        "CloudTrailEvent": event.cloudtrail_event,
    }
    if event.username is not None:
        item["Username"] = event.username
    if event.access_key_id is not None:
        item["AccessKeyId"] = event.access_key_id
    return item


def _values(event: StoredEvent, attribute_key: str) -> Sequence[str | None]:
    match attribute_key:
        case "ResourceType":
            return [resource.resource_type for resource in event.resources]
        case "ResourceName":
            return [resource.resource_name for resource in event.resources]
        case "EventId":
            return [event.event_id]
        case "EventName":
            return [event.event_name]
        case "EventSource":
            return [event.event_source]
        case "ReadOnly":
            return [event.read_only]
        case "Username":
            return [event.username]
        case _:
            return [event.access_key_id]


def _attribute(given: object) -> tuple[str, str] | None:
    if given is None or given == []:
        return None
    if not isinstance(given, list) or len(given) > 1 or not isinstance(given[0], Mapping):
        raise ApiError("InvalidLookupAttributesException", "You can specify only one lookup attribute.")
    key, value = given[0].get("AttributeKey"), given[0].get("AttributeValue")
    if key not in ATTRIBUTE_KEYS:
        raise ApiError("InvalidLookupAttributesException", f"Unknown attribute key: {key}.")
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_VALUE:
        raise ApiError("InvalidLookupAttributesException", "An attribute value has 1 to 2000 characters.")
    return key, value


def _seconds(params: Mapping[str, object], name: str) -> float | None:
    given = params.get(name)
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ApiError("SerializationException", f"{name} must be a number of seconds since 1970.")
    return float(given)


def _max_results(given: object) -> int:
    if given is None:
        return LARGEST_PAGE
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= LARGEST_PAGE:
        raise ApiError("InvalidMaxResultsException", f"MaxResults must be from 1 to {LARGEST_PAGE}.")
    return given


def _wants_insights(given: object) -> bool:
    if given not in (None, "insight"):
        raise ApiError("InvalidEventCategoryException", "The only event category is insight.")
    return given is not None


def _next_token(given: object) -> str | None:
    if given is not None and not isinstance(given, str):
        raise ApiError("SerializationException", "NextToken must be a string.")
    return given
