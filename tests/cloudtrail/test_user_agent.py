import pytest

from ecsaudit.cloudtrail.user_agent import Client, client_of


@pytest.mark.parametrize(
    ("user_agent", "client"),
    [
        ("aws-cli/2.9.8 Python/3.9.11 Linux/5.10 prompt/off command/ecs.execute-command", Client.CLI),
        ("[aws-cli/1.18.136 Python/3.8.5 Darwin/19.5.0 botocore/1.17.59]", Client.CLI),
        ("aws-cli/2.32.10 md/awscrt#0.29.1 exec-env/CloudShell md/command#ecs.execute-command", Client.CLOUDSHELL),
        ("aws-sdk-go/1.44.261 (go1.19.8; linux; amd64) aws-copilot-cli/v1.30.0", Client.COPILOT),
        ("Boto3/1.34.84 md/Botocore#1.34.84", Client.SDK),
        ("APN/1.0 HashiCorp/1.0 Terraform/1.1.2 aws-sdk-go/1.44.157", Client.SDK),
        ("console.amazonaws.com", Client.CONSOLE),
        ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64)", Client.CONSOLE),
        ("ecs.amazonaws.com", Client.SERVICE),
        ("AWS Internal", Client.SERVICE),
        ("curl/8.0", Client.UNKNOWN),
        ("", Client.UNKNOWN),
        ("x" * 200_000, Client.UNKNOWN),
    ],
)
def test_the_client_behind_a_user_agent(user_agent: str, client: Client) -> None:
    assert client_of(user_agent) == client
