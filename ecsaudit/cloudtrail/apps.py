from django.apps import AppConfig


class CloudTrailConfig(AppConfig):
    name = "ecsaudit.cloudtrail"
    label = "cloudtrail"
    verbose_name = "CloudTrail collection"
