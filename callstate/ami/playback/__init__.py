"""A pretended Asterisk that plays captures: for the demo, and for tests of everything else."""

from callstate.ami.playback.server import AT_ONCE, Playback

__all__ = ["AT_ONCE", "Playback"]
