"""boto3 clients for the local CloudTrail endpoint."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config

from ecsaudit.demo.endpoint import CloudTrailEndpoint, access_key_for

ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5)


@pytest.fixture
def client_for() -> Callable[..., Any]:
    """A boto3 CloudTrail client that asks once and never retries."""

    def make(endpoint: CloudTrailEndpoint, account_id: str, region: str, access_key_id: str = "") -> Any:
        return boto3.client(
            "cloudtrail",
            region_name=region,
            endpoint_url=endpoint.url,
            aws_access_key_id=access_key_id or access_key_for(account_id),
            aws_secret_access_key="sample",
            config=ONCE,
        )

    return make
