from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "ecsaudit.web"
    label = "web"
    verbose_name = "Screens"
