"""What the tests of both kinds of wheel share: each is built and installed once."""

from pathlib import Path

import pytest

from tests.packaging.wheels import PURE, build, install, wheel_in


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder with the source archive, and the pure wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    build(folder, environment=PURE)
    return folder


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    """Give the pure wheel."""
    return wheel_in(built)


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a new environment, away from the checkout, with the pure wheel and what it needs."""
    return install(wheel, tmp_path_factory.mktemp("opt") / "callstate")
