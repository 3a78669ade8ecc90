"""VarSet and Newexten, each read in full."""

import pytest

from callstate.ami.dialplan import MARKER_VARIABLE
from callstate.ami.translate import Translator
from callstate.core import events as ev
from tests.ami.test_translate import AT, RECEIVED, Header, block, event, shown, translate


def test_an_extension_shows_its_channel() -> None:
    more = [("Extension", "102"), ("Application", "Dial"), ("AppData", "PJSIP/b")]
    told = translate(event("Newexten", *block(), *more))
    assert told is not None
    assert getattr(told, "snapshot", None) == shown()


@pytest.mark.parametrize("application", ["Queue", "ConfBridge", "Ringing"])
def test_an_application_that_tells_where_a_caller_is_comes_with_its_arguments(
    application: str,
) -> None:
    more = [("Extension", "102"), ("Application", application), ("AppData", "sales,t")]
    told = translate(event("Newexten", *block(), *more))
    assert told == ev.ChannelUpdate(AT, shown(), True, f"{application}(sales,t)")


@pytest.mark.parametrize(
    ("sent", "name"), [("V", "V"), ("_V", "V"), ("__V", "V"), ("V_W", "V_W"), ("_", "")]
)
def test_a_variable_is_named_without_what_it_is_inherited_by(sent: str, name: str) -> None:
    told = translate(event("VarSet", *block(), ("Variable", sent), ("Value", "1")))
    assert told == ev.VarSet(AT, shown(), name, "1")


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        ("", ""),
        ("a=b: c", "a=b: c"),
        ('\\"x\\"', '"x"'),
        ("1\\n2", "1\n2"),
        ("\\\\n", "\\n"),
        ("<unknown>", "<unknown>"),
    ],
)
def test_a_variables_value_is_unescaped(sent: str, value: str) -> None:
    told = translate(event("VarSet", *block(), ("Variable", "V"), ("Value", sent)))
    assert told == ev.VarSet(AT, shown(), "V", value)


def test_a_channel_variable_called_like_a_header_is_not_taken_for_it() -> None:
    more = [("ChanVariable", "Variable: W=1"), ("Variable", "V"), ("Value", "2")]
    told = translate(event("VarSet", *block(), *more))
    assert isinstance(told, ev.VarSet)
    assert (told.variable, told.value) == ("V", "2")


def test_a_variable_that_does_not_matter_still_shows_its_channel() -> None:
    translator = Translator(frozenset({"V"}))
    message = event("VarSet", *block(), ("Variable", "W"), ("Value", "1"))
    assert translator.translate(message, RECEIVED) == ev.ChannelUpdate(AT, shown(), creates=True)
    assert translator.translate(message, RECEIVED) is None
    wanted = event("VarSet", *block(), ("Variable", "__V"), ("Value", "1"))
    assert translator.translate(wanted, RECEIVED) == ev.VarSet(AT, shown(), "V", "1")


def test_a_global_variable_is_of_no_channel() -> None:
    told = [("Channel", "none"), ("Uniqueid", "none"), ("Variable", "V"), ("Value", "1")]
    assert translate(event("VarSet", *told)) is None


def test_our_own_mark_is_known_by_its_name() -> None:
    of_none = [("Channel", "none"), ("Uniqueid", "none"), ("Variable", MARKER_VARIABLE)]
    assert translate(event("VarSet", *of_none, ("Value", "3-1"))) == ev.Marker(AT, "3-1")
    without = [("Variable", MARKER_VARIABLE), ("Value", "3-2")]
    assert translate(event("VarSet", *without), frozenset()) == ev.Marker(AT, "3-2")


@pytest.mark.parametrize("headers", [[("Variable", "V")], [("Value", "1")], []])
def test_half_a_variable_is_none(headers: list[Header]) -> None:
    assert translate(event("VarSet", *block(), *headers)) is None
