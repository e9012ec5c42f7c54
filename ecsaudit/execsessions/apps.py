from django.apps import AppConfig


class ExecSessionsConfig(AppConfig):
    name = "ecsaudit.execsessions"
    label = "execsessions"
    verbose_name = "Exec sessions"
