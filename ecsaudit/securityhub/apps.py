from django.apps import AppConfig


class SecurityHubConfig(AppConfig):
    name = "ecsaudit.securityhub"
    label = "securityhub"
    verbose_name = "AWS Security Hub"
