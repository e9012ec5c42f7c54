"""The ecs.* fields: short names for what an ECS Exec record says. They are ecsaudit's own: Falco doesn't know them,
and a rule file that is to load in Falco uses json.value[…] instead.
"""

from __future__ import annotations

from .cloudtrail_fields import TextReader, flag_at, text_at

TEXT_FIELDS: tuple[tuple[str, str, TextReader], ...] = (
    ("ecs.cluster", "The cluster of the request: a name or an ARN", text_at("requestParameters", "cluster")),
    ("ecs.container", "The container of the request", text_at("requestParameters", "container")),
    ("ecs.task", "The task of the request: an id or an ARN", text_at("requestParameters", "task")),
    ("ecs.command", "The command to execute", text_at("requestParameters", "command")),
    ("ecs.interactive", "Whether a terminal was asked for: true or false", flag_at("requestParameters", "interactive")),
    ("ecs.session_id", "The id of the session", text_at("responseElements", "session", "sessionId")),
)
