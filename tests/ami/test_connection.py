"""The supervised connection: what it survives, what it tells its owner, what it leaves behind."""

import asyncio
import logging
from functools import partial

import msgspec
import pytest

from callstate.ami.connection import AmiConnection
from callstate.ami.decode import END, MESSAGE_LIMIT
from callstate.ami.errors import ActionTimedOut, AmiError, ConnectionLost
from callstate.ami.playback import Playback
from callstate.config import Ami, Machine
from callstate.core.errors import CallstateError
from tests.ami.doubles import (
    BANNER,
    PATIENT,
    Peer,
    RecordingSink,
    ScriptedServer,
    against,
    make_connection,
    running,
    until,
)


def _has_closed(sink: RecordingSink, times: int) -> bool:
    return sink.count("closed") == times


async def log_in_and_stay(peer: Peer) -> None:
    await peer.log_in()
    await peer.wait_closed()


async def test_it_logs_in_and_passes_on_what_follows_in_order() -> None:
    async def script(peer: Peer) -> None:
        peer.send(BANNER)
        peer.reply(await peer.action(), "Response: Success", "Challenge: 42")
        login = await peer.action()
        # The first events come in the same piece as the response.
        response = f"Response: Success\r\nActionID: {login['ActionID']}"
        peer.send(response.encode() + END + b"Event: One" + END + b"Event: Two" + END)
        await peer.wait_closed()

    sink = RecordingSink()
    async with ScriptedServer(script) as server:
        connection = make_connection(server.port, sink)
        async with running(connection):
            await until(lambda: len(sink.events) == 2)
            assert (connection.is_open, connection.version) == (True, "11.0.0")
    assert sink.log == [("opened", "11.0.0"), ("closed", "stopped")]
    assert sink.events == [b"Event: One", b"Event: Two"]
    assert sink.messages[0].startswith(b"Response: Success")
    assert sink.times == [1.5]
    assert (connection.is_open, connection.version, connection.oversized) == (False, "", 0)


async def test_stopping_before_anything_happened_tells_nobody() -> None:
    sink = RecordingSink()
    arrived: list[Peer] = []

    async def silent(peer: Peer) -> None:
        arrived.append(peer)
        await peer.wait_closed()

    async with against(silent, sink=sink):
        await until(lambda: arrived)
    assert sink.log == []


async def test_it_comes_back_after_a_loss_and_the_session_begins_anew() -> None:
    sessions: list[str] = []

    async def session(connection: AmiConnection) -> None:
        sessions.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            sessions.append("cancelled")

    sink = RecordingSink()
    async with Playback(secret="s3cret") as playback:
        connection = make_connection(playback.port, sink, session)
        async with running(connection):
            while sink.count("closed") < 3:
                losses = sink.count("closed")
                await until(lambda: sessions.count("begun") > sink.count("closed"))
                playback.drop_clients()
                await until(partial(_has_closed, sink, losses + 1))
    assert sessions[:6] == ["begun", "cancelled"] * 3
    assert [kind for kind, _ in sink.log[:6]] == ["opened", "closed"] * 3


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    async with ScriptedServer(log_in_and_stay) as server:
        port = server.port
    sink = RecordingSink()
    connection = make_connection(port, sink)
    async with running(connection):
        await until(lambda: sink.count("failed") >= 3)
    assert sink.count("opened") == 0
    assert connection.attempts >= 3
    assert connection.last_error.startswith("cannot connect: ")


async def test_something_that_is_no_manager_is_refused() -> None:
    async def ssh(peer: Peer) -> None:
        peer.send(b"SSH-2.0-OpenSSH_9.2\r\n")
        await peer.wait_closed()

    sink = RecordingSink()
    async with against(ssh, sink=sink):
        await until(lambda: sink.count("failed"))
    assert sink.log[0] == ("failed", "not a manager interface: no banner")


async def test_a_server_without_a_word_is_given_up() -> None:
    async def silent(peer: Peer) -> None:
        await peer.wait_closed()

    sink = RecordingSink()
    hasty = msgspec.structs.replace(PATIENT, connect_seconds=0.02)
    async with against(silent, sink=sink, ami=hasty):
        await until(lambda: sink.count("failed") >= 2)
    assert sink.log[0] == ("failed", "no manager within 0.02 s")


async def test_a_wrong_password_is_said_clearly_and_not_hammered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = RecordingSink()
    async with Playback(secret="another") as playback:
        playback.login_delay = 0
        connection = make_connection(playback.port, sink)
        async with running(connection):
            await until(lambda: sink.count("failed") >= 3)
    assert sink.log[0] == ("failed", "login refused: Authentication failed")
    assert connection.last_error == "login refused: Authentication failed"
    # Said once, not three times.
    refused = [record for record in caplog.records if record.getMessage() == "access refused"]
    assert [record.levelno for record in refused] == [logging.ERROR]
    assert "s3cret" not in caplog.text


async def test_a_missing_permission_is_said_clearly() -> None:
    async def session(connection: AmiConnection) -> None:
        await connection.send("Status")

    sink = RecordingSink()
    async with Playback(secret="s3cret") as playback:
        playback.denied = {"Status"}
        connection = make_connection(playback.port, sink, session)
        async with running(connection):
            await until(lambda: sink.count("closed"))
    assert sink.log[:2] == [
        ("opened", "11.0.0"),
        ("closed", "permission denied for the action Status"),
    ]


async def test_trouble_is_logged_when_it_begins_and_when_it_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="callstate.ami.connection")

    async def session(connection: AmiConnection) -> None:
        connection.reset_backoff()

    sink = RecordingSink()
    async with Playback(secret="s3cret") as playback:
        playback.refuses_logins = True
        playback.login_delay = 0
        connection = make_connection(playback.port, sink, session)
        async with running(connection):
            await until(lambda: sink.count("failed") >= 3)
            playback.refuses_logins = False
            await until(lambda: sink.count("opened"))
            await until(lambda: not connection.last_error)
    said = [record.getMessage() for record in caplog.records]
    assert said == ["access refused", "connected", "connection recovered"]


async def test_trouble_that_goes_on_for_days_is_logged_now_and_then_with_a_count(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = make_connection(1, RecordingSink())
    now = 0
    with monkeypatch.context() as patched:
        patched.setattr(asyncio.get_running_loop(), "time", lambda: now)
        for now in range(0, 2 * 86_400, 30):  # noqa: B007  # the loop's time
            connection._note_failure("cannot connect: refused", refused=False)
    lines = [vars(record) for record in caplog.records]
    assert len(lines) == 2 * 86_400 / 600
    assert [line.get("repeated") for line in lines] == [None] + [19] * (len(lines) - 1)
    assert {line["reason"] for line in lines} == {"cannot connect: refused"}


async def test_a_machine_that_is_lost_after_each_sync_is_asked_less_often_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def session(connection: AmiConnection) -> None:
        connection.reset_backoff()
        raise ConnectionLost("gone again")

    sink = RecordingSink()
    ami = msgspec.structs.replace(PATIENT, retry_seconds=0.001, retry_limit_seconds=60)
    async with against(log_in_and_stay, sink=sink, session=session, ami=ami) as connection:
        await until(lambda: sink.count("closed") >= 5)
        assert connection._backoff.wait() > 0.01
        connection._in_step_since = asyncio.get_running_loop().time() - 60
        connection._forgive()
        assert connection._backoff.wait() <= 0.001
    warnings = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert [each.getMessage() for each in warnings] == ["connection failed"]


async def test_messages_that_are_too_long_are_counted_over_all_connections() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        peer.send(b"Event: Long\r\nText: " + b"x" * MESSAGE_LIMIT + END)
        peer.close()

    sink = RecordingSink()
    async with against(script, script, log_in_and_stay, sink=sink) as connection:
        await until(lambda: sink.count("opened") >= 3)
        assert connection.oversized == 2


async def test_a_bug_in_the_sink_does_not_end_the_stream(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = RecordingSink()
    sink.fail_on = b"Bad"

    async def script(peer: Peer) -> None:
        await peer.log_in()
        for number, name in enumerate((b"Bad", b"Good", b"Bad"), 1):
            peer.send(b"Event: " + name + END)
            await until(partial(sink.has, number))
        await peer.wait_closed()

    async with ScriptedServer(script) as server:
        connection = make_connection(server.port, sink)
        async with running(connection):
            await until(lambda: len(sink.events) == 3)
            assert sink.log == [("opened", "11.0.0")]
    assert connection.sink_errors == 2
    lost = [record for record in caplog.records if record.getMessage() == "event lost"]
    assert len(lost) == 1, "the log has to stay readable"
    assert lost[0].exc_info is not None


async def test_two_event_headers_in_a_message_are_passed_on_as_they_are() -> None:
    raw = b"Event: UserEvent\r\nUserEvent: x\r\nEvent: Hangup\r\nResponse: Error"

    async def script(peer: Peer) -> None:
        await peer.log_in()
        peer.send(raw + END + b"Event: Next" + END)
        await peer.wait_closed()

    sink = RecordingSink()
    async with against(script, sink=sink):
        await until(lambda: len(sink.events) == 2)
    assert sink.events == [raw, b"Event: Next"]
    assert sink.log == [("opened", "11.0.0"), ("closed", "stopped")]


async def test_a_message_torn_by_the_end_of_the_link_is_not_passed_on() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        peer.send(b"Event: Whole" + END + b"Event: Torn\r\nUniq")
        peer.close()

    sink = RecordingSink()
    async with against(script, log_in_and_stay, sink=sink):
        await until(lambda: sink.count("opened") == 2)
    assert sink.events == [b"Event: Whole"]
    assert sink.log[1] == ("closed", "closed by the machine")


async def test_a_session_that_fails_ends_the_connection_and_another_follows() -> None:
    class SyncFailed(CallstateError):
        """What an owner may raise."""

    async def fail_once(connection: AmiConnection) -> None:
        if connection.attempts == 1:
            raise SyncFailed("no barrier within 5 s")
        if connection.attempts == 2:
            async with asyncio.TaskGroup(), asyncio.timeout(0):
                await asyncio.Event().wait()

    sink = RecordingSink()
    async with against(log_in_and_stay, sink=sink, session=fail_once):
        await until(lambda: sink.count("opened") == 3)
    assert sink.log[1] == ("closed", "no barrier within 5 s")
    assert sink.log[3] == ("closed", "TimeoutError()")


async def test_a_bug_in_the_session_is_not_swallowed() -> None:
    async def session(connection: AmiConnection) -> None:
        raise KeyError("a bug")

    sink = RecordingSink()
    async with ScriptedServer(log_in_and_stay) as server:
        connection = make_connection(server.port, sink, session)
        with pytest.raises(KeyError, match="a bug"):
            await connection.run()
    assert sink.log == [("opened", "11.0.0"), ("closed", "internal error")]


async def test_a_session_may_end_before_the_connection() -> None:
    done: list[int] = []

    async def session(connection: AmiConnection) -> None:
        done.append(connection.attempts)

    sink = RecordingSink()
    async with ScriptedServer(log_in_and_stay) as server:
        connection = make_connection(server.port, sink, session)
        async with running(connection):
            await until(lambda: done)
            await asyncio.sleep(0)
            assert connection.is_open
    assert done == [1]


async def test_what_was_asked_fails_when_the_link_is_lost() -> None:
    failures: list[BaseException] = []

    async def session(connection: AmiConnection) -> None:
        questions = [connection.send("Status") for _ in range(3)]
        failures.extend(await asyncio.gather(*questions, return_exceptions=True))  # type: ignore[arg-type]  # each of them fails
        await asyncio.Event().wait()

    async def script(peer: Peer) -> None:
        await peer.log_in()
        for _ in range(3):
            await peer.action()
        peer.drop()

    sink = RecordingSink()
    async with ScriptedServer(script) as server:
        connection = make_connection(server.port, sink, session)
        async with running(connection):
            await until(lambda: sink.count("closed"))
            assert not failures or [type(one) for one in failures] == [ConnectionLost] * 3


async def test_nothing_can_be_sent_without_a_connection() -> None:
    connection = make_connection(1, RecordingSink())
    connection.abort("there is nothing to abort")
    with pytest.raises(ConnectionLost, match="not connected"):
        await connection.send("Ping")


async def test_the_owner_can_give_a_connection_up() -> None:
    sink = RecordingSink()

    async def script(peer: Peer) -> None:
        await peer.log_in()
        peer.send(b"Event: Corrupt" + END + b"Event: Later" + END)
        await peer.wait_closed()

    async with ScriptedServer(script, log_in_and_stay) as server:
        connection = make_connection(server.port, sink)

        def received(whole: bytes, at: float) -> None:
            sink.messages.extend(whole.split(END)[:-1])
            if b"Event: Corrupt" in whole:
                connection.abort("two events in one message")
                connection.abort("a later reason")

        sink.received = received  # type: ignore[method-assign]  # the owner's side of it
        async with running(connection):
            await until(lambda: sink.count("opened") == 2)
    assert sink.log[1] == ("closed", "two events in one message")
    assert sink.events[0] == b"Event: Corrupt"


async def test_a_list_goes_to_the_sink_and_its_end_to_the_caller() -> None:
    answers: list[tuple[bool, str]] = []

    async def session(connection: AmiConnection) -> None:
        response = await connection.send("Status", AllVariables="true")
        answers.append((response.success, response.get("ListItems")))

    async def script(peer: Peer) -> None:
        await peer.log_in()
        action = await peer.action()
        assert action["AllVariables"] == "true"
        peer.reply(action, "Response: Success", "EventList: start")
        peer.reply(action, "Event: Status", "Uniqueid: 1.1")
        peer.send(b"Event: Between" + END)
        peer.reply(action, "Event: StatusComplete", "EventList: Complete", "ListItems: 1")
        await peer.wait_closed()

    sink = RecordingSink()
    async with against(script, sink=sink, session=session):
        await until(lambda: answers)
    assert answers == [(True, "1")]
    names = [raw.partition(b"\r\n")[0] for raw in sink.events]
    assert names == [b"Event: Status", b"Event: Between", b"Event: StatusComplete"]


async def test_a_flood_is_received_whole() -> None:
    count = 20_000

    async def script(peer: Peer) -> None:
        await peer.log_in()
        peer.send(b"".join(b"Event: E\r\nN: %d" % n + END for n in range(count)))
        await peer.wait_closed()

    sink = RecordingSink()
    async with against(script, sink=sink):
        await until(lambda: len(sink.events) == count)
    assert sink.events[-1] == b"Event: E\r\nN: %d" % (count - 1)


async def test_a_stalled_machine_leaves_no_waiting_question() -> None:
    outcomes: list[BaseException] = []

    async def session(connection: AmiConnection) -> None:
        try:
            await connection.send("Status")
        except AmiError as error:
            outcomes.append(error)
            raise

    sink = RecordingSink()
    hasty = msgspec.structs.replace(PATIENT, action_seconds=0.1)
    async with against(log_in_and_stay, sink=sink, session=session, ami=hasty):
        await until(lambda: sink.count("closed"))
    assert isinstance(outcomes[0], ActionTimedOut)
    assert ("closed", "no answer to Status within 0.1 s") in sink.log


async def test_cancelling_leaves_no_task_and_no_socket() -> None:
    before = asyncio.all_tasks()
    sink = RecordingSink()
    async with Playback(secret="s3cret") as playback:
        async with running(make_connection(playback.port, sink)) as task:
            await until(lambda: sink.count("opened"))
        assert task.cancelled()
        await until(lambda: not playback.clients)
    assert asyncio.all_tasks() == before


async def test_the_wait_between_attempts_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 6:
            raise asyncio.CancelledError

    async with ScriptedServer(log_in_and_stay) as server:
        port = server.port
    ami = Ami(retry_seconds=1, retry_limit_seconds=8)
    connection = make_connection(port, RecordingSink(), ami=ami)
    monkeypatch.setattr("callstate.ami.connection.asyncio.sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await connection.run()
    assert all(
        limit / 2 <= wait <= limit for wait, limit in zip(waits, [1, 2, 4, 8, 8, 8], strict=True)
    )


async def test_the_secret_is_in_no_text(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    sink = RecordingSink()
    machine = Machine(id=3, username="callstate", secret="s3cret")
    async with Playback(secret="another") as playback:
        playback.login_delay = 0
        playback.offers_challenge = False
        connection = make_connection(playback.port, sink, machine=machine)
        async with running(connection):
            await until(lambda: sink.count("failed") >= 2)
    assert "s3cret" not in f"{caplog.text} {sink.log} {connection!r} {connection.last_error}"
