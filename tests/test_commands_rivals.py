"""The command that fits rival prior sets: what it asks for, says and exits with."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from fitted import narrow_fit
from report_example import compared_record

from durability import judged_fits, rivals
from durability.cli import main
from durability.inference import Settings


class Asked:
    """Stands in for fitting, and remembers what it was asked."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.record, self.fits, self.sets = record, [], []

    def fit(self, model: Any, settings: Settings, *, progress: Any) -> Any:
        self.fits.append((model, settings))
        return SimpleNamespace(fit=narrow_fit(draws=4))

    def compare(self, fit: Any, sets: Any, *, progress: Any) -> dict[str, Any]:
        self.sets.append(sets)
        return self.record


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    made = Asked(compared_record())
    monkeypatch.setattr(judged_fits, "fit_and_judge", made.fit)
    monkeypatch.setattr(rivals, "compare_rivals", made.compare)
    return made


def test_the_shipped_sets_are_taken_unless_others_are_named(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rivals", "armenia_azerbaijan"]) == 0
    assert asked.sets == [None]
    ((model, settings),) = asked.fits
    assert (model.data.case.name, model.priors.name) == ("armenia_azerbaijan", "default")
    assert settings == Settings(draws=1500, tune=600, chains=4, seed=1)
    assert "cannot tell any of them from default" in capsys.readouterr().out


def test_named_sets_are_read_and_held_against_another(asked: Asked) -> None:
    options = ["--priors", "sceptical", "--draws", "50", "--cutoff", "2026-03-31"]
    assert main(["rivals", "armenia_azerbaijan", "default", "bargaining_power", *options]) == 0
    assert [each.name for each in asked.sets[0]] == ["default", "bargaining_power"]
    ((model, settings),) = asked.fits
    assert (model.priors.name, str(model.data.cutoff)) == ("sceptical", "2026-03-31")
    assert settings.draws == 50


def test_a_set_against_itself_is_refused_before_anything_is_fitted(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rivals", "armenia_azerbaijan", "default"]) == 2
    assert asked.fits == []
    assert 'the prior set "default" is there more than once' in capsys.readouterr().err


def test_a_fit_that_failed_its_checks_is_the_exit_status(asked: Asked) -> None:
    asked.record["rivals"]["sets"][2]["note"] = "R-hat is 1.2 at x, limit 1.01"
    assert main(["rivals", "armenia_azerbaijan"]) == 3


def test_a_set_that_is_not_there_is_refused(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rivals", "armenia_azerbaijan", "scpetical"]) == 2
    assert 'did you mean "sceptical"' in capsys.readouterr().err
    assert asked.fits == []
