"""What the tests of this folder share."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def load_capture_path(fixtures_path: Path) -> Callable[[str], Path]:
    """Give the folder of one capture by name, as `asterisk-22/busy`."""
    return lambda name: fixtures_path / name
