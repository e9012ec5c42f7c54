"""Every address of the product. Screens live in ecsaudit/web/views, one file each."""

from django.contrib import admin
from django.urls import path

from ecsaudit.web.views import account, collection, findings, library, overview, sample, sessions

urlpatterns = [
    path("", overview.show, name="overview"),
    path("sessions/", sessions.listing, name="sessions"),
    path("sessions/facets/", sessions.facets, name="session-facets"),
    path("sessions/<int:pk>/", sessions.detail, name="session"),
    path("findings/", findings.listing, name="findings"),
    path("findings/facets/", findings.facets, name="finding-facets"),
    path("findings/<int:pk>/", findings.detail, name="finding"),
    path("rules/", library.listing, name="library"),
    path("rules/item/", library.item, name="library-item"),
    path("rules/switch/", library.switch, name="library-switch"),
    path("collection/", collection.show, name="collection"),
    path("collection/unreadable/", collection.unreadable, name="unreadable-records"),
    path("collection/unreadable/<int:pk>/", collection.unreadable_detail, name="unreadable-record"),
    path("sample/remove/", sample.remove, name="remove-sample"),
    path("login/", account.Login.as_view(), name="login"),
    path("logout/", account.Logout.as_view(), name="logout"),
    path("password/", account.ChangePassword.as_view(), name="change-password"),
    path("admin/", admin.site.urls),
]
