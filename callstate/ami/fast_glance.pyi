"""What `fast_glance.pyx` gives, for the type checker."""

from callstate.ami.glance import Glance as Glance
