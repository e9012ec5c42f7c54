from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "ecsaudit.notifications"
    label = "notifications"
    verbose_name = "Notifications"
