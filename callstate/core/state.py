"""All that the daemon knows: the legs of every machine, how fresh they are, the directory.

Applying an event and answering a query are synchronous, so each sees a whole state. Time
arrives with what happens; nothing here looks at a clock.
"""

import msgspec

from callstate.core import events as ev
from callstate.core.channel import Channel
from callstate.core.derive import Deriver, Rules
from callstate.core.directory import Directory, SourceStatus
from callstate.core.inference import Endpoint, Inference
from callstate.core.model import LegKey
from callstate.core.paths import related
from callstate.core.registry import Registry
from callstate.core.store import LegStore
from callstate.core.sync import Note, Sync


class MachineStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one machine's legs relate to the truth.

    `in_step` is True while connected and synced. `as_of` is the unix time of the last
    proof of life while in step, None if it never was. `down_since` is set while out of step.
    """

    machine: int
    name: str = ""
    connected: bool = False
    in_step: bool = False
    as_of: float | None = None
    down_since: float | None = None
    last_error: str = ""
    version: str = ""


_NO_RULES = Rules()


class CallState:
    """The machines' legs in one store, and what a query needs beside them.

    `directory` may be exchanged with `use_directory`, and `source` says how fresh it is;
    `ready` is for the daemon to set, when every machine was in step once or has been waited
    for long enough.
    """

    def __init__(
        self,
        *,
        rules: Rules = _NO_RULES,
        endpoints: tuple[Endpoint, ...] = (),
        account_code_is_customer: bool = False,
        directory: Directory | None = None,
    ) -> None:
        self._store = LegStore()
        self._behind: dict[int, _Machine] = {}
        self.directory = Directory.empty() if directory is None else directory
        self.source = SourceStatus()
        self.ready = False
        self._rules = rules
        self._endpoints = endpoints
        self._account_code_is_customer = account_code_is_customer
        self._machines: dict[int, _Machine] = {}

    @property
    def store(self) -> LegStore:
        """The legs, up to date with all events taken in. O(1), or the calls that changed."""
        if self._behind:
            for machine in list(self._behind):
                self.publish(machine)
        return self._store

    def add_machine(self, machine: int, name: str = "") -> None:
        """Expect a machine; until its first sync it is out of step."""
        self._machines[machine] = _Machine(machine, name, self._deriver(machine))

    def remove_machine(self, machine: int) -> None:
        """Forget a machine and its legs; nothing may happen to it any more. O(its legs)."""
        del self._machines[machine]
        self._behind.pop(machine, None)
        for place in list(self._store.of_machine(machine)):
            self._store.remove(place.leg.key)

    def rename_machine(self, machine: int, name: str) -> None:
        """Call a machine `name` from now on."""
        self._machines[machine].name = name

    def sync_of(self, machine: int) -> Sync:
        """Return the machine's mirror across its connections."""
        return self._machines[machine].sync

    # What happens to a machine

    def opened(self, machine: int, *, version: str = "") -> None:
        """A connection to the machine begins; what was known of it is served until `released`."""
        known = self._machines[machine]
        known.sync.opened()
        known.connected = True
        known.version = version
        known.withdrawn = False
        self._publish_all(known)

    def apply(self, machine: int, event: ev.Event) -> None:
        """Take in an event of the machine and bring its legs up to date. O(its call)."""
        self.take(machine, event)
        self.publish(machine)

    def take(self, machine: int, event: ev.Event) -> None:
        """Take in an event; the legs follow when somebody asks for them. O(its call)."""
        known = self._behind[machine] = self._machines[machine]
        known.sync.apply(event)

    def take_all(self, machine: int, events: list[ev.Event], note: Note) -> Exception | None:
        """Take in what came together; see `Sync.apply_all`."""
        known = self._behind[machine] = self._machines[machine]
        return known.sync.apply_all(events, note)

    def publish(self, machine: int) -> None:
        """Bring the machine's legs up to date with the events taken in. O(the calls concerned).

        Events of one call come in bursts: what many of them changed is derived once.
        """
        known = self._machines[machine]
        self._behind.pop(machine, None)
        registry = known.sync.served
        if registry is not known.shown:
            self._publish_all(known)
        elif registry.changed:
            self._publish(known, registry)

    def released(self, machine: int, at: float) -> None:
        """The machine is in step: its new mirror is complete and takes the old one's place."""
        known = self._machines[machine]
        known.sync.release()
        known.in_step = True
        known.as_of = at
        known.down_since = None
        known.last_error = ""
        self._publish_all(known)

    def alive(self, machine: int, at: float) -> None:
        """Something came from the machine: while in step, its legs are true as of `at`."""
        known = self._machines[machine]
        if known.in_step:
            known.as_of = at

    def closed(self, machine: int, at: float, reason: str) -> None:
        """The connection is gone, or none came about: what is known goes stale from now on."""
        known = self._machines[machine]
        known.connected = False
        known.in_step = False
        known.last_error = reason
        if known.down_since is None:
            known.down_since = at

    def expire(self, at: float, stale_seconds: float) -> list[int]:
        """Stop serving the legs of machines out of step for `stale_seconds`; return which."""
        expired: list[int] = []
        for machine, known in self._machines.items():
            down_since = known.down_since
            if down_since is None or known.withdrawn or at - down_since < stale_seconds:
                continue
            if known.connected and not known.sync.is_held:
                continue  # it is being filled for the first time: nothing in it is stale
            known.withdrawn = True
            known.sync.withdraw()
            self._publish_all(known)
            expired.append(machine)
        return expired

    def use_directory(self, directory: Directory) -> None:
        """Put `directory` in force, for queries and for what the legs' lines are. O(legs)."""
        self.directory = directory
        self._derive_anew()

    def use_rules(
        self,
        *,
        rules: Rules,
        endpoints: tuple[Endpoint, ...],
        account_code_is_customer: bool,
    ) -> None:
        """Put what the configuration says about legs in force. O(legs)."""
        self._rules = rules
        self._endpoints = endpoints
        self._account_code_is_customer = account_code_is_customer
        self._derive_anew()

    # How fresh it is

    def statuses(self) -> list[MachineStatus]:
        """Return every machine's status, in the order of their ids."""
        return [self._machines[machine].status() for machine in sorted(self._machines)]

    def freshness(self, machines: frozenset[int]) -> tuple[float | None, list[MachineStatus]]:
        """Return the oldest proof of life among `machines` (none: all), and those out of step."""
        asked = [
            known
            for machine, known in self._machines.items()
            if not machines or machine in machines
        ]
        oldest = min([known.as_of for known in asked if known.as_of is not None], default=None)
        stale = [known.status() for known in asked if not known.in_step]
        return oldest, sorted(stale, key=lambda status: status.machine)

    def check(self) -> None:
        """Assert every invariant of mirrors and store, and that the legs are those derived."""
        self.store.check()
        unknown = {leg.machine for leg in self._store} - self._machines.keys()
        assert not unknown, f"legs of machines that are gone: {unknown}"
        for machine, known in self._machines.items():
            registry = known.sync.served
            known.sync.mirror.registry.check()
            registry.settle()
            for channel in registry.channels.values():
                leg = known.deriver.derive(channel, registry)
                filed = self._store.get(LegKey(machine, channel.uniqueid))
                assert filed == leg, (channel, filed, leg)
            legs = [leg for leg in self._store if leg.machine == machine]
            assert all(leg.uniqueid in registry.channels for leg in legs), "a leg left over"

    # Mirrors into legs

    def _publish(self, known: "_Machine", registry: Registry) -> None:
        registry.settle()
        concerned: dict[str, Channel] = {}
        for uniqueid in registry.changed:
            channel = registry.channels.get(uniqueid)
            if channel is None:
                self._store.remove((known.machine, uniqueid))
            else:
                related(channel, registry, concerned)
        registry.changed.clear()
        self._put(known, registry, concerned)

    def _publish_all(self, known: "_Machine") -> None:
        registry = known.shown = known.sync.served
        registry.settle()
        registry.changed.clear()
        for place in list(self._store.of_machine(known.machine)):
            if place.uniqueid not in registry.channels:
                self._store.remove(place.leg.key)
        self._put(known, registry, registry.channels)

    def _derive_anew(self) -> None:
        for known in self._machines.values():
            known.deriver = self._deriver(known.machine)
            self._publish_all(known)

    def _put(self, known: "_Machine", registry: Registry, channels: dict[str, Channel]) -> None:
        for channel in channels.values():
            leg = known.deriver.derive(channel, registry)
            if leg is not None:
                self._store.put(leg)
            else:
                self._store.remove((known.machine, channel.uniqueid))

    def _deriver(self, machine: int) -> Deriver:
        inference = Inference(
            self._endpoints,
            self.directory.line_of,
            account_code_is_customer=self._account_code_is_customer,
        )
        return Deriver(machine, self._rules, inference)


class _Machine:
    """One machine: its mirror across connections, what makes its legs, and how fresh it is."""

    def __init__(self, machine: int, name: str, deriver: Deriver) -> None:
        self.machine = machine
        self.name = name
        self.deriver = deriver
        self.sync = Sync()
        # What the legs in the store are of.
        self.shown = self.sync.served
        self.connected = False
        self.in_step = False
        self.withdrawn = False
        self.as_of: float | None = None
        self.down_since: float | None = None
        self.last_error = ""
        self.version = ""

    def status(self) -> MachineStatus:
        return MachineStatus(
            machine=self.machine,
            name=self.name,
            connected=self.connected,
            in_step=self.in_step,
            as_of=self.as_of,
            down_since=self.down_since,
            last_error=self.last_error,
            version=self.version,
        )
