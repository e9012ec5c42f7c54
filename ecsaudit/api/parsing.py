"""Bodies of requests: JSON of a sensible size and depth. What can't be read is an error of whoever sent it, never ours."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from rest_framework import parsers
from rest_framework.exceptions import APIException, ParseError

LONGEST_BODY = 1_000_000


class TooLong(APIException):
    status_code = 413
    default_detail = f"the body of the request is longer than {LONGEST_BODY:,} bytes"
    default_code = "too_long"


class JSONParser(parsers.JSONParser):
    """DRF's, with bounds: it reads the connection itself, past Django's limit."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(LONGEST_BODY + 1)
        if len(body) > LONGEST_BODY:
            raise TooLong
        try:
            return super().parse(BytesIO(body), media_type, parser_context)
        except RecursionError as error:
            raise ParseError("the JSON is nested too deeply") from error
