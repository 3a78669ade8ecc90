"""Where in a message things are, found by the faster of two twins that this build has.

`fast_places` is in C, for builds that are compiled; `places` is in Python and says the same.
"""

try:
    from callstate.ami.fast_places import has_another as has_another
    from callstate.ami.fast_places import place as place
    from callstate.ami.fast_places import time_of as time_of
    from callstate.ami.fast_places import unprefixed as unprefixed
    from callstate.ami.fast_places import value as value
except ImportError:  # a build in Python alone
    from callstate.ami.places import has_another as has_another
    from callstate.ami.places import place as place
    from callstate.ami.places import time_of as time_of
    from callstate.ami.places import unprefixed as unprefixed
    from callstate.ami.places import value as value
