from django.apps import AppConfig


class LibraryConfig(AppConfig):
    name = "ecsaudit.library"
    label = "library"
    verbose_name = "Rule library"
