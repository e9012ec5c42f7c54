"""The ct.*, s3.*, ec2.*, ecr.* and iam.* fields, read as Falco's CloudTrail plugin reads them.

A text field whose JSON value is present but not a string is the empty text, not missing: the plugin asks for the
bytes of a string. ct.request, ct.response and ct.additionaleventdata render the JSON instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .json_text import JsonNumber
from .record import ABSENT, Path, Record, render

_ERROR = Path("errorCode")
_RESOURCES = Path("resources")
_BUCKET = Path("requestParameters", "bucketName")
_KEY = Path("requestParameters", "key")
_TAGS = Path("requestParameters", "tagSpecificationSet", "items")
_INSTANCES = Path("responseElements", "instancesSet", "items")
_BLOCK = Path("requestParameters", "PublicAccessBlockConfiguration")
_AMAZON = ".amazonaws.com"
_USER_MISSING = "<invalid cloudtrail event: userIdentity field missing>"
_NAME_MISSING = "<invalid cloudtrail event: eventName field missing>"
_ADDRESS_MISSING = "<invalid cloudtrail event: eventSource field missing>"

TextReader = Callable[[Record], str | None]
NumberReader = Callable[[Record], int | None]


def text_at(*parts: str) -> TextReader:
    path = Path(*parts)

    def read(record: Record) -> str | None:
        value = record.at(path)
        if type(value) is str:
            return value
        return None if value is ABSENT else ""

    return read


def json_at(key: str) -> TextReader:
    path = Path(key)

    def read(record: Record) -> str | None:
        value = record.at(path)
        return None if value is ABSENT else render(value)

    return read


def flag_at(*parts: str) -> TextReader:
    """ "true" only for a JSON true; the string that CloudTrail sometimes writes is "false", as in Falco."""
    path = Path(*parts)

    def read(record: Record) -> str | None:
        value = record.at(path)
        return None if value is ABSENT else ("true" if value is True else "false")

    return read


def always_missing(record: Record) -> None:
    return None


event_source = text_at("eventSource")
event_name = text_at("eventName")
source_ip = text_at("sourceIPAddress")
user_type = text_at("userIdentity", "type")
_user_name = text_at("userIdentity", "userName")
_invoked_by = text_at("userIdentity", "invokedBy")
_issuer_name = text_at("userIdentity", "sessionContext", "sessionIssuer", "userName")
user_arn = text_at("userIdentity", "arn")
principal_id = text_at("userIdentity", "principalId")
_user_account = text_at("userIdentity", "accountId")
recipient_account = text_at("recipientAccountId")
read_only = flag_at("readOnly")
s3_bucket = text_at("requestParameters", "bucketName")
s3_key = text_at("requestParameters", "key")
_host = text_at("requestParameters", "Host")
region = text_at("awsRegion")


def short_source(record: Record) -> str | None:
    source = event_source(record)
    if source is not None and len(source) > len(_AMAZON):
        return source.removesuffix(_AMAZON)
    return source


def user(record: Record) -> str | None:
    kind = user_type(record)
    if kind in ("Root", "IAMUser"):
        return _user_name(record)
    if kind == "AWSService":
        return _invoked_by(record)
    if kind == "AssumedRole":
        name = _issuer_name(record)
        return "AssumedRole" if name is None else name
    return kind if kind in ("AWSAccount", "FederatedUser") else None


def original_user(record: Record) -> str | None:
    if user_type(record) != "AssumedRole":
        return _user_name(record)
    parts = (user_arn(record) or "").split("/")
    if len(parts) == 3:
        return parts[2]
    parts = (principal_id(record) or "").split(":")
    return parts[1] if len(parts) == 2 else None


def user_account_id(record: Record) -> str | None:
    account = _user_account(record)
    return recipient_account(record) if account is None else account


def resources(record: Record) -> str | None:
    value = record.at(_RESOURCES)
    if not isinstance(value, list) or not value:
        return None
    return render(value)[1:-1]


def s3_uri(record: Record) -> str | None:
    bucket = record.at(_BUCKET)
    key = record.at(_KEY)
    return f"s3://{bucket}/{key}" if type(bucket) is str and type(key) is str else None


def _transferred(key: str) -> NumberReader:
    path = Path("additionalEventData", key)

    def read(record: Record) -> int | None:
        value = record.at(path)
        return None if value is ABSENT else _whole_number(value)

    return read


def _whole_number(value: Any) -> int:
    """The number without its fraction; 0 for what isn't one or doesn't fit 64 bits."""
    text = value.text if isinstance(value, JsonNumber) else render(value)
    if type(value) is str or len(text) > 40:
        return 0
    try:
        number = int(float(text)) if any(mark in text for mark in ".eE") else int(text)
    except (ValueError, OverflowError):
        return 0
    return number if 0 <= number < 1 << 64 else 0


bytes_in = _transferred("bytesTransferredIn")
bytes_out = _transferred("bytesTransferredOut")


def s3_bytes(record: Record) -> int | None:
    received, sent = bytes_in(record), bytes_out(record)
    return None if received is None and sent is None else (received or 0) + (sent or 0)


def s3_count(kind: str) -> NumberReader:
    def read(record: Record) -> int | None:
        name = event_name(record) if record.present else "GetObject"
        actual = {"GetObject": "get", "PutObject": "put"}.get(name or "", "other")
        return 1 if actual == kind and record.present else None

    return read


def image_name(record: Record) -> str | None:
    found = None
    for item in _items(record, _TAGS):
        if not isinstance(item, dict) or item.get("resourceType") != "instance":
            continue
        tags = item.get("tags")
        for tag in tags if isinstance(tags, list) else ():
            if isinstance(tag, dict) and tag.get("key") == "Name" and type(tag.get("value")) is str:
                found = tag["value"]
    return found or None


def _items(record: Record, path: Path) -> list[Any]:
    value = record.at(path)
    return value if isinstance(value, list) else []


_IMAGES = (
    Path("requestParameters", "imageId"),
    Path("requestParameters", "DescribeFastLaunchImagesRequest", "ImageId", "content"),
    Path("requestParameters", "launchSpecification", "imageId"),
)


def _image_ids(record: Record) -> list[str] | None:
    if record.at(_INSTANCES) is not ABSENT:
        items = _items(record, _INSTANCES)
        values = [item.get("imageId") for item in items if isinstance(item, dict)]
        return [value for value in values if type(value) is str] or None
    for path in _IMAGES:
        value = record.at(path)
        if value is not ABSENT:
            return [value if type(value) is str else ""]
    return None


def image_ids_extractor(argument: str | None) -> Callable[[Record], list[str] | None]:
    """All image ids, or a list of the one at an index."""
    if argument is None:
        return _image_ids
    index = int(argument)

    def read(record: Record) -> list[str] | None:
        found = _image_ids(record) or []
        return [found[index]] if index < len(found) else None

    return read


def first_image_id(record: Record) -> str | None:
    found = _image_ids(record)
    return found[0] if found else None


def info(record: Record) -> str | None:
    """One line on who did what, from where."""
    if not record.present:
        return None
    who, address = user(record), source_ip(record)
    if who is None:
        return _USER_MISSING
    if address is None:
        return _ADDRESS_MISSING
    name = event_name(record)
    if name is None:
        return _NAME_MISSING
    via = f" via {address}" if address != who else ""
    failed = "!" if record.at(_ERROR) is not ABSENT else ""
    arrow = "→" if read_only(record) == "false" else "←"
    detail = _block_detail(record) if name == "PutBucketPublicAccessBlock" else _info_detail(record)
    return f"{who}{via} {failed}{arrow} {name}{detail}"


def _block_detail(record: Record) -> str:
    """Four flags that Falco reads from the wrong place, so that they are always false."""
    if not isinstance(record.at(_BLOCK), dict):
        return ""
    flags = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    return "".join(f" {flag}=false" for flag in flags) + " "


def _info_detail(record: Record) -> str:
    size = s3_bytes(record)
    detail = "" if size is None else f" Size={size}"
    for label, read in (("URI", s3_uri), ("Bucket", s3_bucket), ("Key", s3_key), ("Host", _host)):
        value = read(record)
        if value is not None:
            detail += f" {label}={value}"
            break
    return detail
