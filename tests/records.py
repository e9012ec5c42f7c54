"""CloudTrail records for tests, as Python values and as the text that CloudTrail delivers."""

import json
from typing import Any

SESSION_ID = "ecs-execute-command-fplgjh1klmdkt9zno26qw5k87l"
TASK_ID = "637d524791b7457b9e6598414404162a"
TARGET = f"ecs:prod_payments_{TASK_ID}_{TASK_ID}-1399473811"
SSO_USER = {
    "type": "AssumedRole",
    "principalId": "AROAEXAMPLE:ana@example.com",
    "arn": "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Developer_0123456789abcdef/ana@example.com",
    "accountId": "111122223333",
    "sessionContext": {
        "sessionIssuer": {
            "type": "Role",
            "arn": "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Developer_0123456789abcdef",
            "userName": "AWSReservedSSO_Developer_0123456789abcdef",
        },
        "webIdFederationData": {},
    },
}
ECS_ITSELF = {
    "type": "AssumedRole",
    "arn": "arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForECS/ecs-execute-command",
    "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "AWSServiceRoleForECS"}},
    "invokedBy": "ecs.amazonaws.com",
}


def execute_command(**changes: Any) -> dict[str, Any]:
    """An interactive shell that ana opened; `command=None` and the like change the request, other names the record."""
    request = {
        "cluster": "prod_payments",
        "container": "web",
        "command": "/bin/sh",
        "interactive": True,
        "task": TASK_ID,
    }
    request |= {name: changes.pop(name) for name in list(changes) if name in request or name == "dryrun"}
    return {
        "eventVersion": "1.11",
        "userIdentity": SSO_USER,
        "eventTime": "2026-11-02T09:30:00Z",
        "eventSource": "ecs.amazonaws.com",
        "eventName": "ExecuteCommand",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "aws-cli/2.32.10 md/prompt#off md/command#ecs.execute-command",
        "requestParameters": request,
        "responseElements": {
            "clusterArn": "arn:aws:ecs:eu-west-1:111122223333:cluster/prod_payments",
            "containerName": "web",
            "interactive": True,
            "taskArn": f"arn:aws:ecs:eu-west-1:111122223333:task/prod_payments/{TASK_ID}",
            "session": {"sessionId": SESSION_ID, "tokenValue": "HIDDEN_DUE_TO_SECURITY_REASONS"},
        },
        "eventID": "11111111-0000-4000-8000-000000000001",
        "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333",
    } | changes


def denied(**changes: Any) -> dict[str, Any]:
    return execute_command(
        **{
            "requestParameters": None,
            "responseElements": None,
            "errorCode": "AccessDenied",
            "errorMessage": f"User is not authorized to perform: ecs:ExecuteCommand on resource: "
            f"arn:aws:ecs:eu-west-1:111122223333:task/prod_payments/{TASK_ID} because no identity-based policy allows it",
            "eventID": "11111111-0000-4000-8000-000000000002",
        }
        | changes
    )


def start_session(**changes: Any) -> dict[str, Any]:
    """ECS's own StartSession behind an ExecuteCommand; give another userIdentity for one made around it."""
    return {
        "eventVersion": "1.11",
        "userIdentity": ECS_ITSELF,
        "eventTime": "2026-11-02T09:30:01Z",
        "eventSource": "ssm.amazonaws.com",
        "eventName": "StartSession",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "ecs.amazonaws.com",
        "userAgent": "ecs.amazonaws.com",
        "requestParameters": {"target": TARGET, "documentName": "AmazonECS-ExecuteInteractiveCommand"},
        "responseElements": {"sessionId": SESSION_ID},
        "eventID": "11111111-0000-4000-8000-000000000003",
    } | changes


def around(**changes: Any) -> dict[str, Any]:
    return start_session(
        **{
            "userIdentity": SSO_USER,
            "requestParameters": {"target": TARGET},
            "responseElements": {"sessionId": "ana@example.com-2btwcumm7o4rsyvx0j5p3ue2in"},
            "eventID": "11111111-0000-4000-8000-000000000004",
        }
        | changes
    )


def terminate_session(**changes: Any) -> dict[str, Any]:
    return {
        "userIdentity": SSO_USER,
        "eventTime": "2026-11-02T09:45:00Z",
        "eventSource": "ssm.amazonaws.com",
        "eventName": "TerminateSession",
        "awsRegion": "eu-west-1",
        "requestParameters": {"sessionId": SESSION_ID},
        "responseElements": {"sessionId": SESSION_ID},
        "eventID": "11111111-0000-4000-8000-000000000005",
    } | changes


def item(record: dict[str, Any] | str, **outer: Any) -> dict[str, Any]:
    """The LookupEvents item that carries a record (or any text) as CloudTrailEvent."""
    text = record if isinstance(record, str) else json.dumps(record)
    return {"CloudTrailEvent": text} | outer
