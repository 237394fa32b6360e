"""What every test shares: the reference data, and a home of its own.

The caches and data folders of the person running the tests are never read or written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from durability.forecasts import Forecast
    from durability.inference import Fit

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_configure(config: pytest.Config) -> None:
    """Keep matplotlib from looking for a display."""
    os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Other people's data sets and the raw project data, ``shared/data``.

    ``DURABILITY_REFERENCE_DATA`` names the folder; CI demands it, elsewhere its absence skips.
    """
    named = os.environ.get("DURABILITY_REFERENCE_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if (folder / "README.md").is_file():
        return folder
    reason = f"no reference data in {folder}; name its folder in DURABILITY_REFERENCE_DATA"
    if os.environ.get("CI_REQUIRE_REFERENCE") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def isolated_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Point every per-user folder at a temporary one, for this process and its children.

    PyTensor's compilation cache stays where it is: it holds machine code, not results.
    """
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("CACHE", "DATA", "CONFIG", "STATE"):
            folder = home / variable.lower()
            folder.mkdir()
            patch.setenv(f"XDG_{variable}_HOME", str(folder))
        # Only macOS and Windows ignore XDG; platformdirs then goes by the home folder.
        patch.setenv("LOCALAPPDATA", str(home / "local"))
        yield home


@pytest.fixture(scope="session")
def brief_fit(isolated_home: Path) -> Fit:
    """Sample the shipped case, once a session and too briefly to be used."""
    from fitted import sampled_fit

    return sampled_fit()


@pytest.fixture(scope="session")
def open_compilation(brief_fit: Fit) -> Any:
    """Compile the model of :func:`brief_fit` once a session, so that its data can be changed."""
    from durability.inference import compile_model

    unread = brief_fit.model.module.UNREAD
    return compile_model(brief_fit.model, free=set(brief_fit.model.arrays) - unread)


@pytest.fixture(scope="session")
def brief_forecast(brief_fit: Fit) -> Forecast:
    """Forecast from :func:`brief_fit`."""
    from durability.forecasts import forecast

    return forecast(brief_fit)
