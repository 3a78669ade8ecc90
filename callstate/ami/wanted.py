"""The channel variables that matter, and how they are asked for."""

from collections.abc import Iterable

from callstate.core.mirror import VARIABLES

# AMI takes lines of up to 1 023 bytes (main/manager.c, inbuf).
_LINE_BYTES = 900


def wanted_with(variables: Iterable[str]) -> tuple[str, ...]:
    """Return a platform's `variables` and those that the mirror needs, each once, in order."""
    return tuple(sorted({*variables, *VARIABLES}))


def header_lines(names: Iterable[str]) -> list[str]:
    """Return the names, with commas, in as many lines as AMI's limit makes necessary."""
    lines = [""]
    for name in names:
        longer = f"{lines[-1]},{name}" if lines[-1] else name
        if len(longer.encode()) > _LINE_BYTES:
            lines.append(name)
        else:
            lines[-1] = longer
    return lines
