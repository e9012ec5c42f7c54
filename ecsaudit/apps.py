from django.apps import AppConfig


class EcsauditConfig(AppConfig):
    name = "ecsaudit"
    label = "ecsaudit"
