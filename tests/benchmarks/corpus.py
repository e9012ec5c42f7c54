"""Made CloudTrail records and made rules for the engine's benchmark: the same every time."""

import json
import random
from typing import Any

SERVICES = {
    "ecs": "Cluster Service Task TaskDefinition TaskSet CapacityProvider",
    "ssm": "Session Parameter Document Association MaintenanceWindow PatchBaseline",
    "iam": "User Role Group AccessKey RolePolicy UserPolicy InstanceProfile LoginProfile",
    "s3": "Bucket Object BucketPolicy BucketAcl BucketEncryption BucketLifecycle BucketVersioning",
    "ec2": "Instances SecurityGroup Subnet Vpc Volume Snapshot KeyPair Image RouteTable NatGateway",
    "kms": "Key Alias Grant KeyPolicy",
    "lambda": "Function FunctionCode Permission LayerVersion EventSourceMapping",
    "logs": "LogGroup LogStream MetricFilter RetentionPolicy SubscriptionFilter",
    "cloudtrail": "Trail EventDataStore Channel",
    "rds": "DBInstance DBCluster DBSnapshot DBSubnetGroup",
    "ecr": "Repository Image LifecyclePolicy RepositoryPolicy",
    "eks": "Cluster Nodegroup Addon FargateProfile",
    "dynamodb": "Table Backup GlobalTable",
    "sns": "Topic Subscription PlatformApplication",
    "sqs": "Queue Permission",
    "secretsmanager": "Secret ResourcePolicy",
    "elasticloadbalancing": "LoadBalancer TargetGroup Listener Rule",
    "route53": "HostedZone HealthCheck",
}
VERBS = ("Describe", "Create", "Update", "Delete")
CALLS = [
    ("ecs.amazonaws.com", "ExecuteCommand"),
    ("sts.amazonaws.com", "AssumeRole"),
    ("s3.amazonaws.com", "GetObject"),
]
CALLS += [
    (f"{service}.amazonaws.com", verb + noun)
    for verb in VERBS
    for service, nouns in SERVICES.items()
    for noun in nouns.split()
]
REGIONS = ("eu-west-1", "us-east-1", "us-west-2", "ap-southeast-1")
PEOPLE = [f"person-{number}" for number in range(60)]
AGENTS = (
    "aws-cli/2.32.10 md/awscrt#0.29.1 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.9 cfg/retry-mode#standard",
    "Boto3/1.34.84 md/Botocore#1.34.84 ua/2.0 os/linux#6.1.0 md/arch#x86_64 lang/python#3.11.9 md/pyimpl#CPython",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "ecs.amazonaws.com",
)
ADDRESSES = [f"{(10, 198, 203)[number % 3]}.0.113.{number}" for number in range(240)]
COMMANDS = ("/bin/sh", "bash", "env", "top", "python manage.py shell", "cat /proc/1/environ")


def made_records(count: int) -> list[bytes]:
    """CloudTrail's own compact text, about 1.7 KB a record; one in fifty is an ExecuteCommand."""
    rng = random.Random(7)
    weights = [1 / (1 + position % 97) for position in range(len(CALLS))]
    weights[0] = sum(weights[1:]) / 49
    calls = rng.choices(CALLS, weights, k=count)
    return [
        json.dumps(_record(rng, number, *call), separators=(",", ":")).encode() for number, call in enumerate(calls)
    ]


def _record(rng: random.Random, number: int, source: str, name: str) -> dict[str, Any]:
    account, region = f"{111122223333 + rng.randrange(3)}", rng.choice(REGIONS)
    failed = rng.random() < 0.06
    record: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": _identity(rng, account),
        "eventTime": f"2026-10-{1 + number % 28:02d}T{number % 24:02d}:19:25Z",
        "eventSource": source,
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": rng.choice(ADDRESSES),
        "userAgent": rng.choice(AGENTS),
    }
    if failed:
        record |= {"errorCode": "AccessDenied", "errorMessage": f"User is not authorized to perform {name}"}
    record |= {
        "requestParameters": _parameters(rng, account, region, name),
        "responseElements": None if failed else {"requestId": f"{rng.getrandbits(128):032x}", "status": "ok"},
        "requestID": f"{rng.getrandbits(128):032x}",
        "eventID": f"{number:032x}",
        "readOnly": name.startswith(("Get", "List", "Describe", "Lookup", "Head")),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
        "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256"},
    }
    return record


def _identity(rng: random.Random, account: str) -> dict[str, Any]:
    person, kind = rng.choice(PEOPLE), rng.random()
    if kind < 0.02:
        return {"type": "Root", "principalId": account, "arn": f"arn:aws:iam::{account}:root", "accountId": account}
    if kind < 0.15:
        return {"type": "AWSService", "invokedBy": "ecs.amazonaws.com"}
    if kind < 0.3:
        arn = f"arn:aws:iam::{account}:user/{person}"
        return {"type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": arn, "accountId": account, "userName": person}
    issuer = {"type": "Role", "arn": f"arn:aws:iam::{account}:role/Engineer", "accountId": account}
    attributes = {"creationDate": "2026-10-05T05:58:11Z", "mfaAuthenticated": rng.choice(("true", "false"))}
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLEROLEID:{person}",
        "arn": f"arn:aws:sts::{account}:assumed-role/Engineer/{person}",
        "accountId": account,
        "accessKeyId": "ASIAEXAMPLE0000001",
        "sessionContext": {"sessionIssuer": issuer | {"userName": "Engineer"}, "attributes": attributes},
    }


def _parameters(rng: random.Random, account: str, region: str, name: str) -> dict[str, Any]:
    if name == "ExecuteCommand":
        task = f"arn:aws:ecs:{region}:{account}:task/prod/{rng.getrandbits(128):032x}"
        return {
            "cluster": rng.choice(("prod", "stage")),
            "container": "web",
            "command": rng.choice(COMMANDS),
            "interactive": rng.random() < 0.8,
            "task": task,
        }
    return {
        "name": f"thing-{rng.randrange(500)}",
        "bucketName": f"bucket-{rng.randrange(40)}",
        "limit": rng.randrange(1, 100),
        "filters": [{"name": f"filter-{number}", "values": [f"{rng.getrandbits(64):016x}"]} for number in range(4)],
    }


def made_rules(count: int) -> str:
    """A rule file: shapes that real CloudTrail rules have, over all the calls."""
    rng = random.Random(11)
    rules = "".join(
        f"- rule: Rule {number}\n  desc: made\n  priority: WARNING\n  source: aws_cloudtrail\n"
        f"  condition: {_condition(rng, number)}\n"
        "  output: Made (user=%ct.user ip=%ct.srcip name=%ct.name cluster=%json.value[/requestParameters/cluster])\n"
        for number in range(count)
    )
    return (
        "- macro: succeeded\n  condition: not ct.error exists\n- list: shells\n  items: [sh, bash, /bin/sh]\n" + rules
    )


def _condition(rng: random.Random, number: int) -> str:
    source, name = CALLS[number * 7 % len(CALLS)]
    others = ", ".join(rng.choice(CALLS)[1] for _ in range(2))
    mfa = "json.value[/userIdentity/sessionContext/attributes/mfaAuthenticated]"
    shapes = (
        f"ct.name = {name} and succeeded and ct.user in ({', '.join(rng.sample(PEOPLE, 5))})",
        f"ct.src = {source} and ct.name = {name} and ct.user.identitytype = IAMUser and ct.region = {rng.choice(REGIONS)}",
        f"ct.name in ({name}, {others}) and ct.region in (eu-central-1, us-east-2) and succeeded",
        "ct.name = ExecuteCommand and succeeded and jevt.value[/requestParameters/interactive] = true"
        " and jevt.value[/requestParameters/command] in (shells)",
        f"ct.name = {name} and ct.error startswith AccessDenied",
        f"ct.name = {name} and {mfa} = false and not ct.useragent startswith aws-cli",
        f'ct.name in ({name}, {others}) and ct.user.identitytype = Root and not ct.useragent contains "amazonaws.com"',
        f"ct.src = {source} and ct.name = {name} and not ct.srcip startswith 10. and ct.readonly = false",
    )
    if number % 50 == 20:
        return f"ct.user.identitytype = Root and ct.readonly = false and ct.region = {rng.choice(REGIONS)}"
    return shapes[number % len(shapes)]
