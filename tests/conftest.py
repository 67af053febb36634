"""What every test may ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from edge.engines import installed, pip_line
from tests.tiny import here, write_tiny

# A busy machine is no failure: no test asserts a time.
settings.register_profile("edge", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edge")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-engine", action="append", default=[], metavar="NAME",
        help="fail, do not skip, when this engine is not installed",
    )  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def _nothing_installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whoever runs the tests may have installed a bundle or enrolled something: not for these."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("STATE_DIRECTORY", raising=False)
        for name in ("XDG_STATE_HOME", "XDG_DATA_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp("own")))
        yield


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A null-engine bundle: `colours` (red, green, blue or none) and `hues`. Read only."""
    return write_tiny(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="session")
def wide_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle with an artifact for every engine installed here. Read only."""
    return write_tiny(tmp_path_factory.mktemp("bundles") / "wide", here())


@pytest.fixture
def need_engine(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Skips with the pip line when an engine is not here, or fails when it is required."""

    def need(name: str) -> None:
        if name == "null" or name in installed():
            return
        if name in request.config.getoption("--require-engine"):
            pytest.fail(f"{name} is required and not installed: {pip_line(name)}")
        pytest.skip(pip_line(name))

    return need
