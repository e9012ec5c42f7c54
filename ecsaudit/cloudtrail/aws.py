"""Clients for the accounts that are read. Credentials come from AWS's own chain and are never stored.

AwsSetupError           an account can't be connected; its text is one line for a person
"""

from collections.abc import Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ecsaudit.cloudtrail.models import Account

CONFIG = Config(
    connect_timeout=5,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 3},
    user_agent_extra="ecsaudit",
)
ROLE_SESSION_NAME = "ecsaudit"


class AwsSetupError(RuntimeError):
    """AWS can't be used as asked."""


def client(account: Account, region: str) -> Any:
    """A CloudTrail client for one account and Region. Raises AwsSetupError, BotoCoreError or ClientError."""
    if account.is_sample:
        if not account.endpoint_url:
            raise AwsSetupError("the sample's local endpoint is not running; `manage.py start` runs it")
        # The sample's endpoint is local: nobody's real credentials may travel to it.
        return boto3.Session(
            aws_access_key_id=account.sample_access_key, aws_secret_access_key="sample", region_name=region
        ).client("cloudtrail", endpoint_url=account.endpoint_url, config=CONFIG)
    return session(account, region).client("cloudtrail", config=CONFIG)


def session(account: Account, region: str) -> boto3.Session:
    own = boto3.Session(profile_name=account.profile_name or None, region_name=region)
    if not account.role_arn:
        return own
    asked = {"RoleArn": account.role_arn, "RoleSessionName": ROLE_SESSION_NAME}
    if account.external_id:
        asked["ExternalId"] = account.external_id
    credentials = own.client("sts", config=CONFIG).assume_role(**asked)["Credentials"]
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=region,
    )


def connect(*, profile_name: str, regions: Sequence[str]) -> Account:
    """Make, or bring up to date, the account that the environment's credentials (or a profile's) belong to.

    Without `regions` the credentials' own Region is read. AwsSetupError says what is missing.
    """
    try:
        own = boto3.Session(profile_name=profile_name or None)
        chosen = list(regions) or [region for region in (own.region_name,) if region]
        if not chosen:
            raise AwsSetupError("no AWS Region is set; set ECSAUDIT_AWS_REGIONS, for example eu-west-1,us-east-1")
        identity = own.client("sts", region_name=chosen[0], config=CONFIG).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise AwsSetupError(f"AWS can't be reached with these credentials: {error}") from error
    account_id = identity["Account"]
    if Account.objects.filter(account_id=account_id, is_sample=True).exists():
        raise AwsSetupError(f"account {account_id} is one of the sample; run `manage.py remove_sample` first")
    account, _ = Account.objects.update_or_create(
        account_id=account_id, defaults={"regions": chosen, "profile_name": profile_name, "enabled": True}
    )
    return account
