"""What of another configuration can come into force while the daemon runs.

Everything does, but for what the listening sockets and the running stop were made with: those
keys keep their old value until a restart, and are named.
"""

import msgspec

from callstate.config import Config

# Read anew each time that they are needed.
_LIVE_IN_HTTP = frozenset({"remember_seconds"})


def in_force(old: Config, new: Config) -> tuple[Config, list[str]]:
    """Return `new` with the values of `old` where only a restart helps, and those keys."""
    live = {key: getattr(new.http, key) for key in _LIVE_IN_HTTP}
    http = msgspec.structs.replace(old.http, **live)
    keys = [f"http.{key}" for key in _changed(http, new.http)]
    if old.stop_seconds != new.stop_seconds:
        keys.insert(0, "stop_seconds")
    return msgspec.structs.replace(new, http=http, stop_seconds=old.stop_seconds), keys


def _changed(old: msgspec.Struct, new: msgspec.Struct) -> list[str]:
    """Return the keys whose values differ, those of a table in a table with its name before."""
    changed: list[str] = []
    for name in old.__struct_fields__:
        before, now = getattr(old, name), getattr(new, name)
        if isinstance(before, msgspec.Struct):
            changed += [f"{name}.{key}" for key in _changed(before, now)]
        elif before != now:
            changed.append(name)
    return changed
