"""What `fast_places.pyx` gives, for the type checker."""

from callstate.ami.places import has_another as has_another
from callstate.ami.places import place as place
from callstate.ami.places import time_of as time_of
from callstate.ami.places import unprefixed as unprefixed
from callstate.ami.places import value as value
