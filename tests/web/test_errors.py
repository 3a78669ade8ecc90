"""What the errors say of themselves."""

from callstate.core.errors import BadParameter
from callstate.web.errors import BadParameters, BodyTimeout, NotReady, TooManyAttempts


def test_bad_parameters_keep_their_order_and_say_them_all() -> None:
    error = BadParameters([BadParameter("sort", "Must be a."), BadParameter("limit", "Must be b.")])
    assert [each.name for each in error.errors] == ["sort", "limit"]
    assert str(error) == "sort: Must be a.; limit: Must be b."


def test_the_others_are_sentences() -> None:
    for error in (TooManyAttempts(3.5), NotReady(), BodyTimeout()):
        assert str(error).endswith(".")
    assert TooManyAttempts(3.5).retry_seconds == 3.5
