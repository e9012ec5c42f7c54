import pytest
from django.core.exceptions import ValidationError

from ecsaudit.people.models import User
from ecsaudit.web.forms import LARGEST, OwnPasswordForm, RowNumber
from tests.personas import PASSWORD


def form(user: User, new: str) -> OwnPasswordForm:
    return OwnPasswordForm(user, {"old_password": PASSWORD, "new_password1": new, "new_password2": new})


@pytest.mark.django_db
def test_a_new_password_is_accepted(vera: User) -> None:
    assert form(vera, "another long sentence").is_valid()


@pytest.mark.django_db
def test_the_old_password_is_not_a_new_one(vera: User) -> None:
    assert form(vera, PASSWORD).errors == {"new_password1": ["Choose a password that you don't have already."]}


def test_the_number_of_a_row_is_one_that_a_database_has_room_for() -> None:
    assert RowNumber().clean(str(LARGEST)) == LARGEST
    for number in (LARGEST + 1, 10**40, 0, -1):
        with pytest.raises(ValidationError):
            RowNumber().clean(str(number))
