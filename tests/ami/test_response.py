"""A response as a value."""

from callstate.ami.response import Response, from_panoramisk, to_panoramisk

ANSWER = [
    ("Response", "Success"),
    ("ActionID", "7"),
    ("Message", "Channel status will follow"),
]


def test_headers_are_found_in_any_case() -> None:
    response = Response(success=True, headers=(("ListItems", "3"),))
    assert response.get("listitems") == "3"
    assert response.get("Items", "none") == "none"


def test_repeated_headers_are_all_kept() -> None:
    headers = [*ANSWER, ("Output", "one"), ("Output", "two"), ("Output", "three")]
    response = from_panoramisk([to_panoramisk(headers)])
    assert response.get_all("output") == ["one", "two", "three"]
    assert response.get("Output") == "one"


def test_nothing_is_added_to_what_was_sent() -> None:
    response = from_panoramisk([to_panoramisk(ANSWER)])
    assert list(response.headers) == ANSWER
    assert (response.message, response.action_id) == ("Channel status will follow", "7")


def test_success_is_what_the_response_says() -> None:
    for status, success in [("Success", True), ("Goodbye", True), ("Error", False), ("", False)]:
        assert from_panoramisk([to_panoramisk([("Response", status)])]).success is success


def test_a_list_has_the_headers_of_its_completion() -> None:
    completion = [("Event", "StatusComplete"), ("EventList", "Complete"), ("ListItems", "9")]
    response = from_panoramisk([to_panoramisk(ANSWER), to_panoramisk(completion)])
    assert response.success
    assert response.get("ListItems") == "9"


def test_a_cancelled_list_is_no_success() -> None:
    completion = [("Event", "StatusComplete"), ("EventList", "cancelled")]
    response = from_panoramisk([to_panoramisk(ANSWER), to_panoramisk(completion)])
    assert not response.success
