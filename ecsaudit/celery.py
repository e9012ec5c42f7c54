"""The Celery app. Messages only wake workers up: what must be done stands in the database (see DESIGN in the README)."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecsaudit.settings")

# A wake-up that nobody picked up before the next one is due has nothing to say any more.
WAKE_SECONDS = 2.0


def broker_options() -> dict[str, Any]:
    """Where messages travel: Redis when REDIS_URL is set, else files in the data folder."""
    if settings.REDIS_URL:
        return {
            "broker_url": settings.REDIS_URL,
            "broker_transport_options": {
                "visibility_timeout": 600,
                "socket_keepalive": True,
                "socket_timeout": 10,
                "socket_connect_timeout": 10,
                "health_check_interval": 10,
                "retry_on_timeout": True,
            },
        }
    folders = {name: settings.BROKER_DIR / name for name in ("messages", "processed", "control")}
    for folder in folders.values():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        "broker_url": "filesystem://localhost",
        "broker_transport": "ecsaudit.file_broker:Transport",
        "broker_transport_options": {
            "data_folder_in": str(folders["messages"]),
            "data_folder_out": str(folders["messages"]),
            "processed_folder": str(folders["processed"]),
            "control_folder": str(folders["control"]),
            "store_processed": False,
        },
    }


app = Celery("ecsaudit")
app.conf.update(
    **broker_options(),
    imports=("ecsaudit.tasks",),
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    broker_connection_retry_on_startup=True,
    worker_send_task_events=False,
    worker_enable_remote_control=bool(settings.REDIS_URL),
    beat_schedule={
        "wake the collectors": {
            "task": "ecsaudit.tasks.wake_collectors",
            "schedule": WAKE_SECONDS,
            "options": {"expires": WAKE_SECONDS * 5},
        },
        "tell of own findings": {
            "task": "ecsaudit.tasks.tell_of_own_findings",
            "schedule": WAKE_SECONDS,
            "options": {"expires": WAKE_SECONDS * 5},
        },
        "wake the deliveries": {
            "task": "ecsaudit.tasks.wake_deliveries",
            "schedule": WAKE_SECONDS,
            "options": {"expires": WAKE_SECONDS * 5},
        },
        "wake those who tell Security Hub": {
            "task": "ecsaudit.tasks.wake_hubs",
            "schedule": WAKE_SECONDS,
            "options": {"expires": WAKE_SECONDS * 5},
        },
        "wake the replays": {
            "task": "ecsaudit.tasks.wake_replays",
            "schedule": WAKE_SECONDS,
            "options": {"expires": WAKE_SECONDS * 5},
        },
        "wake the bulk actions": {
            "task": "ecsaudit.tasks.wake_bulk_actions",
            "schedule": WAKE_SECONDS,
            "options": {"expires": WAKE_SECONDS * 5},
        },
        "end the suppressions that are due": {
            "task": "ecsaudit.tasks.end_suppressions",
            "schedule": WAKE_SECONDS * 5,
            "options": {"expires": WAKE_SECONDS * 25},
        },
        "end the exceptions": {
            "task": "ecsaudit.tasks.end_exceptions",
            "schedule": WAKE_SECONDS * 5,
            "options": {"expires": WAKE_SECONDS * 5},
        },
    },
)


@setup_logging.connect
def keep_django_logging(**kwargs: object) -> None:
    """Celery would otherwise put its own handlers over settings.LOGGING."""
