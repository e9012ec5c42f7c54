from django.apps import AppConfig


class FindingsConfig(AppConfig):
    name = "ecsaudit.findings"
    label = "findings"
    verbose_name = "Findings"
