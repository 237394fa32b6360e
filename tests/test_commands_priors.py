"""The commands about prior sets: from words on a line to files and lines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from continued import EARLY, early_fit, parts, revised
from worlds import CUTOFF

from durability import inference, judged_fits
from durability.cli import main
from durability.fidelity import drawn_fit
from durability.inference import Fit, Model
from durability.joint_priors import joint_text
from durability.prior_sets import read_priors
from durability.prior_writing import priors_text
from durability.verdict import Check, Verdict


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def elicit(into: str, *more: str, parameter: str = "effect_trust") -> int:
    who = ["--expert", "A. Expert", "--why", "Seen it", "--date", "2026-11-22"]
    return main(["priors", "elicit", parameter, *who, "--into", into, *more])


def test_quantiles_become_a_prior_in_a_new_set(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert elicit("mine", "--quantiles", "0.1=-0.2,0.8=0.9") == 0
    said = capsys.readouterr().out
    assert "effect_trust ~ normal(mean 0.464" in said
    assert "At worst a stated share is missed by 0.0 points." in said
    assert "Written to priors/mine.toml." in said
    prior = read_priors("mine").parameters["effect_trust"]
    assert (prior.status, prior.reason) == ("elicited", "Seen it")
    assert main(["priors", "check", "mine"]) == 0


def test_a_second_expert_goes_into_the_same_set(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert elicit("mine", "--quantiles", "0.1=-0.2,0.8=0.9") == 0
    assert elicit("mine", "--quantiles", "0.1=-1,0.8=0", parameter="effect_corridor") == 0
    found = read_priors("mine").parameters
    assert [name for name, prior in found.items() if prior.status == "elicited"] == [
        "effect_trust",
        "effect_corridor",
    ]
    capsys.readouterr()
    assert main(["priors", "diff", "default", "mine", "--draws", "200"]) == 0
    said = capsys.readouterr().out
    assert "2 priors moved, 0 differ in words alone, 40 are the same." in said
    assert 'status: "assumed" became "elicited"' in said
    assert "Breakdown" in said


def test_chips_become_a_prior(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chips = ["--bins=-0.7,-0.1,0.3,0.7,1.1,1.7", "--chips", "1,5,8,5,1"]
    assert elicit("chips.toml", *chips) == 0
    assert "Outside the bins" in capsys.readouterr().out
    prior = read_priors("chips.toml").parameters["effect_trust"]
    assert prior.elicited is not None
    assert prior.elicited.chips == (1, 5, 8, 5, 1)
    assert 0.45 < prior.values["mean"] < 0.55


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--quantiles", "0.1=x"], "could not convert"),
        (["--quantiles", "0.1=1,0.1=2"], "given twice"),
        (["--quantiles", "0.1"], "could not convert"),
        (["--quantiles", "0.9=1,0.1=2"], "must rise"),
        (["--quantiles", "0.1=1\x1b[2J"], "\\x1b[2J"),
        (["--bins", "0,1,2", "--chips", "1,2,3"], "3 bins have 4 edges"),
        (["--bins", "0,1,2,3", "--chips", "1,2.5,3"], "invalid literal"),
        (["--bins", "0,1,2", "--chips", f"1,{10**23}"], "from 0 to 10000"),
        (["--bins", "0,1,2", "--chips", "6000,6000"], "12000 chips; lay at most 10000"),
        (["--quantiles", "0.05=-1e308,0.5=0,0.95=1e308", "--keep"], "normal: the values lie"),
        (["--quantiles", "0.05=-8e307,0.95=8e307", "--keep"], "normal: its extreme quantiles"),
        (["--chips", "1,2,3"], "--bins with --chips"),
        ([], "give --quantiles, or --bins"),
        (["--quantiles", "0.1=1,0.9=2", "--into", "default"], "hides no other set"),
        (["--quantiles", "0.1=1,0.9=2", "--date", "22.11.2026"], "is not a day"),
        (["--quantiles", "0.1=1,0.9=2", "--why", " "], "say why"),
        (["--quantiles", "0.1=1,0.9=2", "--expert", "a\nb"], "one line"),
    ],
)
def test_what_cannot_be_read_is_told_and_nothing_is_written(
    here: Path, capsys: pytest.CaptureFixture[str], more: list[str], told: str
) -> None:
    assert elicit("mine", *more) == 2
    said = capsys.readouterr().err
    assert told in said
    assert "\x1b" not in said
    assert list(here.iterdir()) == []


def test_what_is_refused_on_writing_is_told_of_the_file_that_was_meant(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert elicit("mine", "--quantiles", "0.1=0,0.8=1", "--why", "a\x1b[2J") == 2
        said = capsys.readouterr().err
        assert said.startswith("priors/mine.toml line ")
        assert 'reason = "a\\x1b[2J"; must not hold control characters' in said
        assert ".part" not in said
        assert not Path("priors/mine.toml").exists()


def test_a_pool_shows_no_marks_that_turn_the_direction_of_writing(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, low in (("one", "-0.2"), ("two", "0.2")):
        assert elicit(name, "--quantiles", f"0.1={low},0.8=0.9", "--why", "x\u202ey") == 0
        path = Path(f"priors/{name}.toml")
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace('meaning = "', 'meaning = "\u2066'), encoding="utf-8")
    capsys.readouterr()
    assert main(["priors", "pool", "one", "two", "--name", "both"]) == 0
    assert main(["priors", "show", "both"]) == 0
    said = capsys.readouterr().out
    assert all(line.isprintable() for line in said.split("\n"))
    assert "effect_trust: \ufffdEffect" in said


def test_experts_are_pooled_into_a_new_set(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert elicit("one", "--quantiles", "0.1=-0.2,0.8=0.9") == 0
    assert elicit("two", "--quantiles", "0.1=0.2,0.8=0.9") == 0
    capsys.readouterr()
    how = ["--weights", "3,1", "--method", "logarithmic", "--name", "both"]
    assert main(["priors", "pool", "one", "two", *how]) == 0
    said = capsys.readouterr().out
    assert "Logarithmic pool of one, two." in said
    assert "none, it is of the family" in said
    one, two, both = (
        read_priors(n).parameters["effect_trust"].values for n in ("one", "two", "both")
    )
    precision = 0.75 / one["sd"] ** 2 + 0.25 / two["sd"] ** 2
    assert both["sd"] == pytest.approx(precision**-0.5)
    assert main(["priors", "pool", "one", "two", *how]) == 2
    assert "nothing is overwritten" in capsys.readouterr().err
    assert main(["priors", "pool", "one", "two", "--weights", "a", "--name", "c"]) == 2
    assert "numbers, like 2,1,1" in capsys.readouterr().err


def test_the_posterior_of_a_case_is_written_and_gone_on_from(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From words to files: sampling itself is replaced by draws that are there already."""
    asked = []

    def fitted(model: Model, **settings: object) -> Fit:
        asked.append((model.data.cutoff, model.priors.name, settings["draws"]))
        if model.data.after is None:
            return early_fit()
        return replace(drawn_fit(model, draws=400, seed=1), model=model)

    monkeypatch.setattr(inference, "fit", fitted)
    monkeypatch.setattr(judged_fits, "unkept_chance", lambda _: "")
    passed = Verdict(checks=())
    monkeypatch.setattr(judged_fits, "judge", lambda *_: passed)
    revise = ["priors", "revise", "armenia_azerbaijan", "--cutoff", "2026-03-31"]
    assert main([*revise, "--name", "march", "--keep"]) == 0
    said = capsys.readouterr().out
    assert "Posterior of armenia_azerbaijan at 2026-03-31, from default." in said
    assert "It has absorbed 66 agreements, 100 news, 3 windows and 4 standings" in said
    assert "Written to priors/march.toml." in said
    assert main(["priors", "check", "march"]) == 0
    capsys.readouterr()
    assert main(["priors", "continue", "armenia_azerbaijan", "march", "--draws", "200"]) == 0
    said = capsys.readouterr().out
    assert "as of 2026-06-30, going on from march." in said
    assert "17 new news items used." in said
    assert "Verdict: passed." in said
    assert asked == [(EARLY, "default", 1500), (CUTOFF, "march", 200)]
    assert main([*revise, "--name", "march"]) == 2
    assert "it exists already" in capsys.readouterr().err
    assert main(["priors", "continue", "armenia_azerbaijan", "default"]) == 2
    assert "is no posterior" in capsys.readouterr().err
    assert main(["forecast", "armenia_azerbaijan", "--priors", "march"]) == 2
    assert "the data hold rows that it has absorbed: agreements R001" in capsys.readouterr().err
    assert len(asked) == 2


def test_the_posterior_of_a_fit_that_failed_is_kept_only_if_asked(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "fit", lambda model, **_: early_fit())
    monkeypatch.setattr(judged_fits, "unkept_chance", lambda _: "")
    bad = Check(name="divergences", value=3.0, limit=0.0, ok=False, worst="the sampler")
    monkeypatch.setattr(judged_fits, "judge", lambda *_: Verdict(checks=(bad,)))
    revise = ["priors", "revise", "armenia_azerbaijan", "--cutoff", "2026-03-31", "--name", "bad"]
    assert main(revise) == 3
    captured = capsys.readouterr()
    assert "DIAGNOSTICS FAILED: divergences is 3 at the sampler, limit 0." in captured.err
    assert "Nothing was written" in captured.err
    assert captured.out == ""
    assert not Path("priors/bad.toml").exists()
    assert main([*revise, "--keep"]) == 3
    assert "DIAGNOSTICS FAILED" in capsys.readouterr().err
    assert Path("priors/bad.toml").is_file()


def test_a_failed_verdict_stands_first_and_is_an_exit_status(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    joint, lineage = parts(revised())
    text = priors_text("a", revised().parameters, more=joint_text(joint, lineage))
    Path("march.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(inference, "fit", lambda model, **_: drawn_fit(model, draws=40, seed=1))
    bad = Check(name="divergences", value=3.0, limit=0.0, ok=False, worst="the sampler")
    monkeypatch.setattr(judged_fits, "judge", lambda *_: Verdict(checks=(bad,)))
    assert main(["priors", "continue", "armenia_azerbaijan", "march.toml"]) == 3
    said = capsys.readouterr().out
    assert said.startswith("DO NOT USE THESE NUMBERS")
    assert "divergences is 3 at the sampler" in said
    assert said.rstrip().endswith("Verdict: FAILED.")
