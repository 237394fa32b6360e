"""The package: its names, its version, what importing it costs, and examples that run."""

from __future__ import annotations

import ast
import doctest
import inspect
import json
import re
import subprocess
import sys
import time
import tomllib
import types
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

import durability
from durability import catalogue

SOURCE = Path(durability.__file__).parent
MODELS = Path(str(import_module("durability.models").__file__)).parent
MODULES = [
    *(f"durability.{path.stem}" for path in sorted(SOURCE.glob("*.py"))),
    *(f"durability.models.{path.stem}" for path in sorted(MODELS.glob("*.py"))),
]
REPOSITORY = Path(__file__).resolve().parents[1]


def loaded_by(code: str) -> set[str]:
    """Top-level modules that are loaded after running `code` in a fresh interpreter."""
    code += "\nimport sys\nprint(*sorted({name.partition('.')[0] for name in sys.modules}))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


# Names --------------------------------------------------------------------------------------


def test_the_public_names_are_listed_once_in_order() -> None:
    assert durability.__all__ == sorted(set(durability.__all__))
    assert set(durability.__all__) <= set(dir(durability))


def test_type_checkers_see_the_same_names_from_the_same_homes() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    seen = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("durability.")
        for alias in node.names
    }
    assert seen == {name: f"durability.{home}" for name, home in durability._HOMES.items()}
    assert set(seen) | {"__version__"} == set(durability.__all__)


@pytest.mark.parametrize("name", [n for n in durability.__all__ if n != "__version__"])
def test_every_public_name_is_there_and_documented(name: str) -> None:
    thing = getattr(durability, name)
    documented = inspect.getdoc(thing)
    assert documented
    if isinstance(thing, types.FunctionType):
        told = "\n".join(re.findall(r"^([\w, ]+) : ", documented, flags=re.MULTILINE))
        untold = set(inspect.signature(thing).parameters) - set(re.findall(r"\w+", told))
        assert untold == set()


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'forcast'"):
        durability.forcast  # noqa: B018


def test_the_version_is_told_in_one_place() -> None:
    assert durability.__version__ == version("durability")
    project = REPOSITORY / "pyproject.toml"
    assert tomllib.loads(project.read_text())["project"]["version"] == durability.__version__


def test_an_unknown_model_is_answered_with_the_known_ones() -> None:
    with pytest.raises(durability.InputError, match='did you mean "breakdown"'):
        catalogue.find_model("brekdown")
    with pytest.raises(durability.InputError, match="must be one of"):
        catalogue.find_model("parameters")
    with pytest.raises(durability.InputError):
        catalogue.find_model("../breakdown")


@pytest.mark.parametrize("name", catalogue.list_models())
def test_every_listed_model_names_its_parameters(name: str) -> None:
    names = catalogue.parameters_of(name)
    assert len(names) == len(set(names))
    assert all(isinstance(parameter, str) for parameter in names)


# Cost ---------------------------------------------------------------------------------------


def test_importing_the_library_loads_nothing_but_the_standard_library() -> None:
    bare = loaded_by("")
    others = loaded_by("import durability") - bare - sys.stdlib_module_names
    assert others == {"durability"}


def test_readers_do_without_the_numerical_libraries() -> None:
    loaded = loaded_by(
        "import durability\n"
        "durability.read_case('armenia_azerbaijan')\n"
        "durability.read_agreements()\n"
        "durability.list_cases()\n"
    )
    assert not loaded & {"numpy", "pandas", "scipy", "xarray", "pymc", "arviz", "matplotlib"}


def test_priors_given_by_quantiles_do_without_scipy_stats_and_pymc() -> None:
    code = (
        "import durability, sys\ndurability.read_priors()\nassert 'scipy.stats' not in sys.modules"
    )
    assert not loaded_by(code) & {"pandas", "xarray", "pymc", "arviz", "matplotlib"}


def test_importing_takes_a_third_of_a_second_or_a_few_bare_starts_of_python() -> None:
    def shortest(code: str) -> float:
        took = []
        for _ in range(4):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            took.append(time.perf_counter() - start)
        return min(took)

    bare = shortest("pass")
    assert shortest("import durability") - bare < max(0.3, 8 * bare)


# Examples -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_run(name: str) -> None:
    failed, _ = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS)
    assert failed == 0


def test_every_module_says_what_it_is_for() -> None:
    assert all(import_module(name).__doc__ for name in MODULES)


def test_the_readme_has_exactly_the_two_commands_that_set_up() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert [line for line in readme.split("\n") if "pip install" in line] == [
        "python3 -m pip install uv && uv run durability forecast armenia_azerbaijan",
        "python3 -m pip install uv && uv run pytest",
    ]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_relative_link_leads_somewhere(name: str) -> None:
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    assert [link for link in links if not (REPOSITORY / link).exists()] == []


@pytest.mark.slow
def test_the_example_of_the_readme_runs(tmp_path: Path) -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    subprocess.run([sys.executable, "-c", example], cwd=tmp_path, check=True, timeout=900)
    assert (tmp_path / "report" / "report.html").is_file()
    record = json.loads((tmp_path / "report" / "forecast.json").read_text(encoding="utf-8"))
    assert record["verdict"]["ok"], record["verdict"]["reasons"]
    # What docs/theory.md says of the shipped case, in words that other seeds leave true.
    outcomes = record["checks"]["loo"]["outcomes"]
    assert len(outcomes["rows"]) == 66
    assert outcomes["k_over_0_7"] <= 9  # "about five"
    # Refits are made where they are asked for; here they were not.
    assert all(row["name"].startswith("Baseline") for row in record["sensitivities"])
