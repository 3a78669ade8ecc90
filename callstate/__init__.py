"""Live call state of a fleet of Asterisk machines, answered over HTTP.

Reading order for a newcomer: `core.model`, `core.events`, `core.mirror`, `core.derive`,
`core.store`, `core.query`, then `ami` (the side of Asterisk) and `web` (the side of the
clients); `daemon` puts the parts together.
"""
