"""The company of the sample: three AWS accounts and what runs in their ECS clusters."""

from dataclasses import dataclass
from datetime import date

from ecsaudit.demo import digests

PRODUCTION = "111122223333"
STAGING = "444455556666"
DATA = "777788889999"


@dataclass(frozen=True, slots=True)
class Service:
    """`stack` decides which one-shot commands fit; tasks are replaced every `days_between_deployments` days."""

    name: str
    containers: tuple[str, ...]
    stack: str
    days_between_deployments: int
    launch_type: str = "FARGATE"
    replicas: int = 2


@dataclass(frozen=True, slots=True)
class Cluster:
    name: str
    region: str
    services: tuple[Service, ...]


@dataclass(frozen=True, slots=True)
class DemoAccount:
    id: str
    alias: str
    clusters: tuple[Cluster, ...]

    @property
    def regions(self) -> tuple[str, ...]:
        """In the order of the clusters, each once."""
        return tuple(dict.fromkeys(cluster.region for cluster in self.clusters))


API = Service("api", ("api", "datadog-agent"), "django", 4, replicas=3)
WORKER = Service("worker", ("worker",), "django", 6)
WEB = Service("web", ("web", "nginx"), "rails", 3, replicas=3)
ADMIN = Service("admin", ("admin",), "rails", 9, replicas=1)
RECONCILE = Service("reconcile", ("batch",), "django", 5, launch_type="EC2")
LOADER = Service("loader", ("loader",), "data", 5, launch_type="EC2")
AIRFLOW = Service("airflow-worker", ("worker", "log-router"), "data", 7)
FEATURES = Service("feature-api", ("api",), "node", 4)

ACCOUNTS = (
    DemoAccount(
        PRODUCTION,
        "production",
        (
            Cluster("prod-payments", "eu-west-1", (API, WORKER)),
            Cluster("prod-web", "eu-west-1", (WEB, ADMIN)),
            Cluster("prod-web", "us-east-1", (WEB,)),
            Cluster("prod_batch", "us-east-1", (RECONCILE,)),
            Cluster("prod-web", "ap-southeast-1", (WEB,)),
        ),
    ),
    DemoAccount(
        STAGING,
        "staging",
        (
            Cluster("staging-web", "eu-west-1", (WEB, ADMIN)),
            Cluster("staging-payments", "eu-west-1", (API, WORKER)),
            Cluster("staging-web", "us-east-1", (WEB,)),
        ),
    ),
    DemoAccount(
        DATA,
        "data platform",
        (
            Cluster("etl", "eu-central-1", (LOADER, AIRFLOW)),
            Cluster("feature_store", "eu-central-1", (FEATURES,)),
            Cluster("etl", "us-east-1", (AIRFLOW,)),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Task:
    """One running task of a service, and the container in it that a call is about."""

    account_id: str
    region: str
    cluster: str
    service: str
    launch_type: str
    id: str
    container: str
    only_container: bool

    @property
    def arn(self) -> str:
        return f"arn:aws:ecs:{self.region}:{self.account_id}:task/{self.cluster}/{self.id}"

    @property
    def cluster_arn(self) -> str:
        return f"arn:aws:ecs:{self.region}:{self.account_id}:cluster/{self.cluster}"

    @property
    def container_arn(self) -> str:
        name = digests.uuid4("container", self.id, self.container)
        return f"arn:aws:ecs:{self.region}:{self.account_id}:container/{self.cluster}/{self.id}/{name}"

    @property
    def runtime_id(self) -> str:
        """Fargate: task id and a number; EC2: Docker's 64 hex digits."""
        if self.launch_type == "EC2":
            return digests.hexadecimal(64, "docker", self.id, self.container)
        return f"{self.id}-{1_000_000_000 + digests.number('runtime', self.id, self.container) % 3_000_000_000}"

    @property
    def target(self) -> str:
        """The container as Session Manager names it."""
        return f"ecs:{self.cluster}_{self.id}_{self.runtime_id}"


def account(account_id: str) -> DemoAccount:
    return next(account for account in ACCOUNTS if account.id == account_id)


def cluster(account_id: str, name: str, region: str) -> Cluster:
    clusters = account(account_id).clusters
    return next(cluster for cluster in clusters if (cluster.name, cluster.region) == (name, region))


def deployed_on(account_id: str, cluster: Cluster, service: Service, day: date) -> bool:
    """Whether the service's tasks are replaced at the beginning of this day."""
    return _age(account_id, cluster, service, day) == 0


def task_on(
    day: date, account_id: str, cluster: Cluster, service: Service, *, replica: int = 0, container: int = 0
) -> Task:
    """The task that runs on this day as the service's `replica`; both indexes wrap around."""
    deployed = day.toordinal() - _age(account_id, cluster, service, day)
    replica %= service.replicas
    return Task(
        account_id=account_id,
        region=cluster.region,
        cluster=cluster.name,
        service=service.name,
        launch_type=service.launch_type,
        id=digests.hexadecimal(32, "task", account_id, cluster.region, cluster.name, service.name, deployed, replica),
        container=service.containers[container % len(service.containers)],
        only_container=len(service.containers) == 1,
    )


def _age(account_id: str, cluster: Cluster, service: Service, day: date) -> int:
    offset = digests.number("deployed", account_id, cluster.region, cluster.name, service.name)
    return (day.toordinal() + offset) % service.days_between_deployments
