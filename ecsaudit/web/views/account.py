"""Logging in and out, and the password."""

from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.forms import SetPasswordForm
from django.http import HttpResponse
from django.urls import reverse_lazy


class Login(views.LoginView):
    redirect_authenticated_user = True


class Logout(views.LogoutView):
    pass


class ChangePassword(views.PasswordChangeView):
    """Also where a one-time password must be replaced, see PasswordChangeMiddleware."""

    template_name = "registration/change_password.html"
    success_url = reverse_lazy("overview")

    def form_valid(self, form: SetPasswordForm) -> HttpResponse:
        self.request.user.must_change_password = False
        response = super().form_valid(form)
        messages.success(self.request, "Your password is changed.")
        return response
