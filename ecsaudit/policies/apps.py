from django.apps import AppConfig


class PoliciesConfig(AppConfig):
    name = "ecsaudit.policies"
    label = "policies"
    verbose_name = "Policies"
