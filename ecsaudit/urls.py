"""Every address of the product. Screens live in ecsaudit/web/views, one file each."""

from django.contrib import admin
from django.urls import path

from ecsaudit.web.views import (
    account,
    collection,
    findings,
    library,
    overview,
    rule_editor,
    rule_tests,
    rule_versions,
    sample,
    sessions,
    why,
)

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
    path("rules/edit/", rule_editor.edit, name="rule-edit"),
    path("rules/new/", rule_editor.new, name="rule-new"),
    path("rules/check/", rule_editor.check, name="rule-check"),
    path("rules/save/", rule_editor.save, name="rule-save"),
    path("rules/take-away/", rule_editor.take_away, name="rule-take-away"),
    path("rules/tests/new/", rule_tests.new, name="rule-test-new"),
    path("rules/tests/<int:pk>/remove/", rule_tests.remove, name="rule-test-remove"),
    path("rules/versions/", rule_versions.compare, name="rule-versions"),
    path("rules/versions/restore/", rule_versions.restore, name="rule-restore"),
    path("rules/update/", rule_versions.update, name="rule-update"),
    path("rules/why/<int:pk>/", why.show, name="why"),
    path("rules/words/", rule_editor.words, name="rule-words"),
    path("collection/", collection.show, name="collection"),
    path("collection/unreadable/", collection.unreadable, name="unreadable-records"),
    path("collection/unreadable/<int:pk>/", collection.unreadable_detail, name="unreadable-record"),
    path("sample/remove/", sample.remove, name="remove-sample"),
    path("login/", account.Login.as_view(), name="login"),
    path("logout/", account.Logout.as_view(), name="logout"),
    path("password/", account.ChangePassword.as_view(), name="change-password"),
    path("admin/", admin.site.urls),
]
