from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "ecsaudit.people"
    label = "people"
    verbose_name = "People"
