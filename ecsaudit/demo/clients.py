"""What callers use: the userAgent of each client and the traces it leaves."""

from dataclasses import dataclass

AWS_CLI_PLUGIN = "aws-sdk-go/1.55.5 (go1.24.9; linux; amd64) session-manager-plugin/1.2.764.0"


@dataclass(frozen=True, slots=True)
class Client:
    """`template` may hold {operation}, as in ecs.execute-command.

    from_console   the credentials come from the console
    looks_up_task  calls DescribeTasks right after ExecuteCommand, as the AWS CLI does
    """

    template: str
    from_console: bool = False
    looks_up_task: bool = False

    def user_agent(self, operation: str) -> str:
        return self.template.format(operation=operation)


CLI_MAC = Client(
    "aws-cli/2.32.10 md/awscrt#0.29.1 ua/2.1 os/macos#25.1.0 md/arch#arm64 lang/python#3.13.9 md/pyimpl#CPython "
    "m/n,E,Z,b cfg/retry-mode#standard md/installer#exe md/prompt#off md/command#{operation}",
    looks_up_task=True,
)
CLI_LINUX = Client(
    "aws-cli/2.31.38 md/awscrt#0.28.4 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.9 md/pyimpl#CPython "
    "m/n,E,Z,b cfg/retry-mode#standard md/installer#exe md/prompt#off md/command#{operation}",
    looks_up_task=True,
)
CLI_OLD = Client(
    "aws-cli/2.9.8 Python/3.9.11 Windows/10 exe/AMD64 prompt/off command/{operation}",
    looks_up_task=True,
)
CLOUD_SHELL = Client(
    "aws-cli/2.32.10 md/awscrt#0.29.1 ua/2.1 os/linux#6.1.159 md/arch#x86_64 lang/python#3.13.9 "
    "exec-env/CloudShell md/prompt#off md/command#{operation}",
    from_console=True,
    looks_up_task=True,
)
CI_RUNNER = Client(
    "aws-cli/2.32.6 md/awscrt#0.29.1 ua/2.1 os/linux#6.11.0-1018-azure md/arch#x86_64 lang/python#3.13.9 "
    "md/pyimpl#CPython m/E,b cfg/retry-mode#standard md/installer#exe md/prompt#off md/command#{operation}",
    looks_up_task=True,
)
COPILOT = Client("aws-sdk-go/1.51.11 (go1.22.2; darwin; arm64) aws-copilot/v1.34.0 (svc exec)")
BOTO3 = Client(
    "Boto3/1.34.84 md/Botocore#1.34.84 ua/2.0 os/linux#6.1.0 md/arch#x86_64 lang/python#3.11.9 md/pyimpl#CPython "
    "cfg/retry-mode#legacy Botocore/1.34.84"
)
CONSOLE = Client(
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36",
    from_console=True,
)
HOSTILE = Client("aws-cli/2.32.10 <img src=x onerror=alert(document.domain)> md/command#{operation}")
