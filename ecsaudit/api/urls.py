"""Addresses of the API, under /api/v1/."""

from django.urls import path, re_path

from ecsaudit.api import views
from ecsaudit.api.schema import Schema

urlpatterns = [
    path("findings/", views.Findings.as_view(), name="api-findings"),
    path("findings/changes/", views.ChangeMany.as_view(), name="api-findings-change"),
    path("findings/<int:pk>/", views.OneFinding.as_view(), name="api-finding"),
    path("findings/<int:pk>/changes/", views.ChangeOne.as_view(), name="api-finding-change"),
    path("groups/", views.Groups.as_view(), name="api-groups"),
    path("bulk-actions/<int:pk>/", views.OneBulkAction.as_view(), name="api-bulk-action"),
    path("bulk-actions/<int:pk>/undo/", views.UndoBulkAction.as_view(), name="api-bulk-action-undo"),
    path("schema/", Schema.as_view(), name="api-schema"),
    re_path("", views.Nothing.as_view()),
]
