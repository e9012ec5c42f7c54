"""This API as OpenAPI: drf-spectacular reads the views; what it can't read is said here."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from ecsaudit.api.authentication import KeyAuthentication


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema tells of keys; found by drf-spectacular once this module is imported."""

    target_class = KeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "ecsaudit_…"}


ERROR = {
    "type": "object",
    "description": "What is wrong, which parts of the request are, and what to do.",
    "required": ["status", "error", "fields", "help"],
    "properties": {
        "status": {"type": "integer"},
        "error": {"type": "string"},
        "fields": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
        "help": {"type": "string"},
    },
}


def with_errors(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """The schema with the one shape that every error has, see api.errors."""
    result["components"]["schemas"]["Error"] = ERROR
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = {"description": "An error", "content": content}
    return result


class Schema(SpectacularAPIView):
    """OpenAPI 3.0, as JSON."""

    renderer_classes = [OpenApiJsonRenderer]

    @extend_schema(operation_id="schema", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """This API as OpenAPI 3.0."""
        answer: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        return answer
