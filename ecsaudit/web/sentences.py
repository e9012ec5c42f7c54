"""What happened, in a sentence. Pure; the parts are hostile text, made visible but not yet escaped."""

from ecsaudit.cloudtrail.identity import IdentityKind, short_role
from ecsaudit.cloudtrail.user_agent import Client
from ecsaudit.execsessions.models import ExecSession, Kind, Mode, Outcome
from ecsaudit.visible import shortened
from ecsaudit.web.times import moment

DONE = {
    Mode.SHELL: "opened a shell in",
    Mode.ONE_SHOT: "ran a command in",
    Mode.PORT_FORWARD: "forwarded a port to",
    Mode.UNKNOWN: "opened a session in",
}
TRIED = {
    Mode.SHELL: "open a shell in",
    Mode.ONE_SHOT: "run a command in",
    Mode.PORT_FORWARD: "forward a port to",
    Mode.UNKNOWN: "open a session in",
}
CLIENTS = {
    Client.CLI: "from the AWS CLI",
    Client.CLOUDSHELL: "from CloudShell",
    Client.CONSOLE: "from the console",
    Client.COPILOT: "with Copilot",
    Client.SDK: "with an AWS SDK",
    Client.SERVICE: "through an AWS service",
}


def session_sentence(session: ExecSession) -> str:
    """`ana@example.com (role Developer) opened a shell in prod / web, 2026-11-02 09:30:00 UTC, from the AWS CLI, 203.0.113.7.`"""
    parts = [f"{who(session)} {deed(session)} {target(session)}", moment(session.started_at)]
    if session.client in CLIENTS:
        parts.append(CLIENTS[Client(session.client)])
    if session.source_ip_address:
        parts.append(shortened(session.source_ip_address, 60))
    return f"{', '.join(parts)}."


def who(session: ExecSession) -> str:
    person = shortened(session.person, 80)
    if session.identity_kind == IdentityKind.ROOT:
        return "The root user"
    return f"{person} (role {shortened(short_role(session.role_name), 80)})" if session.role_name else person


def deed(session: ExecSession) -> str:
    mode = Mode(session.mode)
    around = " around ECS Exec" if session.kind == Kind.AROUND else ""
    if session.outcome == Outcome.OPENED:
        verb, _, preposition = DONE[mode].rpartition(" ")
        return f"{verb}{around} {preposition}".replace("  ", " ")
    verb, _, preposition = TRIED[mode].rpartition(" ")
    tried = "was denied to" if session.outcome == Outcome.DENIED else "failed to"
    return f"{tried} {verb}{around} {preposition}"


def target(session: ExecSession) -> str:
    names = [session.cluster, session.service, session.container]
    known = [shortened(name, 80) for name in names if name]
    if known and not session.container and session.task_id:
        known.append(f"task {shortened(session.task_id, 40)}")
    return " / ".join(known) if known else "a container that the record does not name"
