"""Logging in and out, and the password."""

from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpResponse
from django.urls import reverse_lazy

from ecsaudit.web.forms import OwnPasswordForm


class Login(views.LoginView):
    redirect_authenticated_user = True


class Logout(views.LogoutView):
    pass


class ChangePassword(views.PasswordChangeView):
    """Also where a one-time password must be replaced, see PasswordChangeMiddleware."""

    form_class = OwnPasswordForm
    template_name = "registration/change_password.html"
    success_url = reverse_lazy("overview")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        # The form saves this very user, so the mark goes with the password in one write.
        form.user.must_change_password = False
        response = super().form_valid(form)
        messages.success(self.request, "Your password is changed.")
        return response
