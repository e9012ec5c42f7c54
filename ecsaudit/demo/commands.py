"""What people run in containers. Shells are three quarters of it; the rest depends on the service's stack."""

from random import Random

SHELLS = {"/bin/sh": 10, "/bin/bash": 12, "/bin/zsh": 1, "bash": 1}
SHARE_OF_SHELLS = 0.9

ANYWHERE = (
    "ps aux",
    "env",
    "ls -la /app",
    "cat /etc/resolv.conf",
    "df -h",
    "date",
    "id",
    "curl -sS http://localhost:8080/healthz",
    "curl -sS http://169.254.170.2/v4/metadata",
    "cat /proc/meminfo",
    "/bin/sh -c 'ls /tmp | wc -l'",
    "tail -n 200 /var/log/app.log",
)
BY_STACK = {
    "django": (
        "python manage.py shell",
        "python manage.py showmigrations",
        "bash -lc 'cd /app && python manage.py shell'",
        "python manage.py requeue_payments --since 2h",
        "python manage.py dbshell",
    ),
    "rails": (
        "bundle exec rails console",
        "bundle exec rails runner 'puts User.count'",
        "bundle exec rake db:migrate:status",
        "rails console",
    ),
    "node": ("node -e 'console.log(process.memoryUsage())'", "npm ls --depth=0", "cat package.json"),
    "data": (
        "airflow dags list-runs -d daily_load",
        "python -m etl.reload --table orders --day yesterday",
        "ls -la /mnt/staging",
        "psql -c 'select count(*) from loads'",
    ),
}


def any_command(stack: str, chance: Random) -> str:
    """A shell, or a one-shot command that fits the stack."""
    if chance.random() < SHARE_OF_SHELLS:
        return chance.choices(tuple(SHELLS), tuple(SHELLS.values()))[0]
    return chance.choice(ANYWHERE + BY_STACK[stack] * 2)
