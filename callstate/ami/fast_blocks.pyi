"""What `fast_blocks.pyx` gives, for the type checker."""

from callstate.ami.known import read_block as read_block
