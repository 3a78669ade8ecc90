"""One Asterisk of the lab, as a process: the script `run`, with ports worked out."""

import os
import signal
import subprocess
from pathlib import Path

HERE = Path(__file__).parent


def lab_folder() -> Path:
    """Where the root folders are: `$ASTERISK_LAB`, or below the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("ASTERISK_LAB") or Path(cache) / "asterisk-lab")


class Server:
    """Two servers may run at once when their slots differ: a slot shifts every port.

    `conf` is a folder to take instead of `conf/`.
    """

    def __init__(
        self,
        *,
        release: str = "22",
        slot: int = 0,
        systemname: str = "",
        channelvars: bool = True,
        timestamps: bool = False,
        conf: Path | None = None,
    ) -> None:
        self.release = release
        self.systemname = systemname
        self.channelvars = channelvars
        self.timestamps = timestamps
        self.conf = conf
        self.name = f"lab{release}-{slot}"
        self.ami_port = 5038 + slot
        self.sip_port = 5160 + slot
        # Far from the servers' ports: it must not be that of a server of another run.
        self.ua_port = 7190 + slot
        self._rtp_port = 20000 + 5000 * (slot % 8)

    def start(self) -> None:
        """Start it and wait until it is fully booted."""
        options = ["--release", self.release, "--ami", self.ami_port, "--sip", self.sip_port]
        options += ["--ua", self.ua_port, "--rtp", self._rtp_port]
        if self.systemname:
            options += ["--systemname", self.systemname]
        if not self.channelvars:
            options += ["--no-channelvars"]
        if self.timestamps:
            options += ["--timestamps"]
        if self.conf is not None:
            options += ["--conf", self.conf]
        self._run("start", self.name, *options)

    def stop(self) -> None:
        """Stop it, by force if it must be; one that is not there is fine."""
        self._run("stop", self.name, check=False)

    def kill(self) -> None:
        """End it with no warning: no Hangup, no Shutdown."""
        self._signal(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it stand still: the kernel still takes connections, nobody answers them."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        pid = lab_folder() / f"root{self.release}" / "lab" / self.name / "pid"
        os.kill(int(pid.read_text()), number)

    @staticmethod
    def _run(*words: object, check: bool = True) -> None:
        done = subprocess.run(
            [HERE / "run", *map(str, words)], check=False, capture_output=True, text=True
        )
        if check and done.returncode:
            raise RuntimeError(f"lab/run {words[0]} {words[1]}: {done.stderr.strip()}")
