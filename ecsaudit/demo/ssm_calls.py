"""Session Manager's calls: the session behind an exec, and those opened without one."""

from datetime import datetime

from ecsaudit.demo import digests
from ecsaudit.demo.accounts import Task
from ecsaudit.demo.callers import ECS_SERVICE_ROLE
from ecsaudit.demo.calls import Actor, Call, Fields
from ecsaudit.demo.clients import AWS_CLI_PLUGIN, Client
from ecsaudit.demo.stored_events import username_of

# What the AWS CLI starts to carry a session speaks to Session Manager under a name of its own.
PLUGIN = Client(AWS_CLI_PLUGIN)
ECS = Actor(ECS_SERVICE_ROLE, "ecs.amazonaws.com", Client("ecs.amazonaws.com"))


def session_behind_exec(at: datetime, task: Task, command: str, session_id: str) -> Call:
    """What the ECS service does for an ExecuteCommand."""
    request = {
        "target": task.target,
        "documentName": "AmazonECS-ExecuteInteractiveCommand",
        "parameters": {"command": [command]},
    }
    return _start(ECS, at, (task.account_id, task.region), request, session_id)


def start_session(
    actor: Actor,
    at: datetime,
    place: tuple[str, str],
    target: str,
    *,
    document: str | None = None,
    parameters: Fields | None = None,
) -> Call:
    """A session opened by hand in `place`, an (account id, Region); its id begins with the caller's name."""
    request: dict[str, object] = {"target": target}
    if document is not None:
        request["documentName"] = document
    if parameters is not None:
        request["parameters"] = parameters
    return _start(actor, at, place, request, session_id_for(actor, at, place, target))


def session_id_for(actor: Actor, at: datetime, place: tuple[str, str], target: str) -> str:
    """The id that `start_session` with the same arguments gives its session."""
    name = username_of(actor.caller(place[0], at)) or "session"
    return f"{name}-{digests.session_suffix('start', at.isoformat(), target)}"


def resume_session(actor: Actor, at: datetime, place: tuple[str, str], session_id: str) -> Call:
    """The plugin reconnects, with the credentials of the person who opened the session."""
    response = {"sessionId": session_id, **_stream(place[1], session_id)}
    return _call(_by_plugin(actor), at, place, "ResumeSession", {"sessionId": session_id}, response)


def terminate_session(actor: Actor, at: datetime, place: tuple[str, str], session_id: str) -> Call:
    """Somebody ends a session; an ordinary exit leaves no record."""
    named = {"sessionId": session_id}
    return _call(actor, at, place, "TerminateSession", named, named)


def end_by_plugin(actor: Actor, at: datetime, place: tuple[str, str], session_id: str) -> Call:
    """The plugin ends a port forwarding session."""
    return terminate_session(_by_plugin(actor), at, place, session_id)


def _by_plugin(actor: Actor) -> Actor:
    return Actor(actor.caller, actor.address, PLUGIN)


def _start(actor: Actor, at: datetime, place: tuple[str, str], request: Fields, session_id: str) -> Call:
    response = {"sessionId": session_id, **_stream(place[1], session_id)}
    return _call(actor, at, place, "StartSession", request, response)


def _stream(region: str, session_id: str) -> dict[str, object]:
    return {"tokenValue": "Value hidden due to security reasons.", "streamUrl": stream_url(region, session_id)}


def stream_url(region: str, session_id: str) -> str:
    return f"wss://ssmmessages.{region}.amazonaws.com/v1/data-channel/{session_id}?role=publish_subscribe"


def _call(
    actor: Actor, at: datetime, place: tuple[str, str], operation: str, request: Fields, response: Fields
) -> Call:
    return Call(
        at=at,
        account_id=place[0],
        region=place[1],
        actor=actor,
        service="ssm",
        operation=operation,
        request=request,
        response=response,
        fate=str(response["sessionId"]),
    )
