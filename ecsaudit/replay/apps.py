from django.apps import AppConfig


class ReplayConfig(AppConfig):
    name = "ecsaudit.replay"
    label = "replay"
    verbose_name = "Replays"
