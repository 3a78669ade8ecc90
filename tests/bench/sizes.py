"""How much is measured: a taste for tests, a first look, or what results are quoted from."""

import msgspec


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """The amounts of one run.

    `stream_bytes` of each of `captures` are used, 0 is all of it. `legs` are the steps of curves,
    `event_legs` those of the one that needs whole mirrors, and `calls` what it lets happen.
    """

    name: str
    rounds: int
    captures: tuple[str, ...] = (
        "asterisk-22/load-sip",
        "asterisk-16/load-local",
        "asterisk-22/mixed-traffic",
        "asterisk-16/mixed-traffic",
    )
    stream_bytes: int
    legs: tuple[int, ...]
    event_legs: tuple[int, ...]
    calls: int = 400
    memory_legs: int
    sync_channels: int
    long_lists: tuple[int, ...]
    http_seconds: float
    http_legs: int
    event_rate: int
    changes: int
    round_seconds: float = 0.02


SIZES = {
    size.name: size
    for size in (
        Size(
            name="taste",
            rounds=1,
            captures=("asterisk-22/inbound-answered",),
            stream_bytes=60_000,
            legs=(40, 80),
            event_legs=(20, 40),
            calls=2,
            memory_legs=200,
            sync_channels=20,
            long_lists=(600,),
            http_seconds=0.1,
            http_legs=200,
            event_rate=500,
            changes=50,
            round_seconds=0.0001,
        ),
        Size(
            name="quick",
            rounds=3,
            stream_bytes=12_000_000,
            legs=(1_000, 10_000, 100_000),
            event_legs=(1_000, 10_000, 100_000),
            memory_legs=100_000,
            sync_channels=10_000,
            long_lists=(10_000, 100_000),
            http_seconds=2.0,
            http_legs=100_000,
            event_rate=20_000,
            changes=20_000,
        ),
        Size(
            name="full",
            rounds=5,
            stream_bytes=0,
            legs=(1_000, 10_000, 100_000, 1_000_000),
            event_legs=(1_000, 10_000, 100_000, 1_000_000),
            memory_legs=100_000,
            sync_channels=10_000,
            long_lists=(10_000, 100_000),
            http_seconds=8.0,
            http_legs=100_000,
            event_rate=20_000,
            changes=50_000,
            round_seconds=0.1,
        ),
    )
}
