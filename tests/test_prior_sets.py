"""Prior sets: every number checked, every mistake told at once with its line."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from durability.distributions import (
    PARAMETERS,
    SOLVABLE,
    UNBOUNDED,
    check_law,
    mean_sd,
    quantile,
    share_below,
    solve,
)
from durability.errors import InputError, Problem
from durability.prior_sets import (
    PriorSet,
    check_parameters,
    find_priors,
    implied_quantiles,
    list_priors,
    read_priors,
)
from durability.screen import priors_lines

TEXTS = 'unit = "none"\nmeaning = "m"\nreason = "r"\nsource = "s"\nstatus = "assumed"\n'


def table(name: str, body: str, texts: str = TEXTS) -> str:
    return f"\n[{name}]\n{body}\n{texts}"


def written(folder: Path, *tables: str, top: str = "format = 1\n") -> Path:
    path = folder / "mine.toml"
    path.write_text(top + "".join(tables), encoding="utf-8")
    return path


def problems_of(path: Path, expected: list[str] | None = None) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_priors(path, expected=None if expected is None else dict.fromkeys(expected, ()))
    return [str(problem) for problem in caught.value.problems]


SCIPY = {
    "normal": lambda v: stats.norm(v["mean"], v["sd"]),
    "halfnormal": lambda v: stats.halfnorm(scale=v["sd"]),
    "lognormal": lambda v: stats.lognorm(v["sigma"], scale=math.exp(v["mu"])),
    "beta": lambda v: stats.beta(v["a"], v["b"]),
    "gamma": lambda v: stats.gamma(v["shape"], scale=1 / v["rate"]),
    "exponential": lambda v: stats.expon(scale=1 / v["rate"]),
    "lkj": lambda v: stats.beta(v["eta"] + 1, v["eta"] + 1, loc=-1, scale=2),
}


@pytest.mark.parametrize(
    ("distribution", "values"),
    [
        ("normal", {"mean": -3.5, "sd": 0.7}),
        ("halfnormal", {"sd": 2.5}),
        ("lognormal", {"mu": -1.2, "sigma": 0.4}),
        ("beta", {"a": 8.0, "b": 2.0}),
        ("gamma", {"shape": 0.7, "rate": 3.0}),
        ("exponential", {"rate": 0.25}),
        ("lkj", {"eta": 2.0}),
    ],
)
@pytest.mark.parametrize("probability", [0.01, 0.05, 0.5, 0.9, 0.99])
def test_quantiles_are_those_of_scipy(
    distribution: str, values: dict[str, float], probability: float
) -> None:
    oracle = SCIPY[distribution](values).ppf(probability)
    assert quantile(distribution, values, probability) == pytest.approx(oracle, rel=1e-9)


@pytest.mark.parametrize(
    ("distribution", "values"),
    [
        ("normal", {"mean": -3.5, "sd": 0.7}),
        ("halfnormal", {"sd": 2.5}),
        ("lognormal", {"mu": -1.2, "sigma": 0.4}),
        ("beta", {"a": 8.0, "b": 2.0}),
        ("gamma", {"shape": 0.7, "rate": 3.0}),
        ("exponential", {"rate": 0.25}),
        ("lkj", {"eta": 2.0}),
    ],
)
def test_means_deviations_and_shares_are_those_of_scipy(
    distribution: str, values: dict[str, float]
) -> None:
    oracle = SCIPY[distribution](values)
    assert mean_sd(distribution, values) == pytest.approx((oracle.mean(), oracle.std()), rel=1e-9)
    if distribution != "lkj":
        for value in (-4.0, 0.0, 0.3, 0.9, 2.0):
            found = share_below(distribution, values, value)
            assert found == pytest.approx(oracle.cdf(value), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(
    ("distribution", "quantiles"),
    [
        ("normal", {0.05: -2.0, 0.95: 0.5}),
        ("normal", {0.2: 1.0, 0.5: 1.5}),
        ("lognormal", {0.05: 0.3, 0.95: 7.0}),
        ("beta", {0.05: 0.55, 0.95: 0.95}),
        ("beta", {0.1: 0.001, 0.6: 0.2}),
        ("beta", {0.1: 0.01, 0.9: 0.99}),
        ("gamma", {0.05: 0.5, 0.95: 4.0}),
        ("gamma", {0.05: 1e-4, 0.95: 10.0}),
        ("halfnormal", {0.9: 1.3}),
        ("exponential", {0.5: 24.0}),
    ],
)
def test_solved_parameters_have_the_given_quantiles_in_scipy(
    distribution: str, quantiles: dict[float, float]
) -> None:
    frozen = SCIPY[distribution](solve(distribution, quantiles))
    for probability, value in quantiles.items():
        assert frozen.ppf(probability) == pytest.approx(value, rel=1e-6)


@given(
    distribution=st.sampled_from(SOLVABLE),
    first=st.floats(0.2, 20.0),
    second=st.floats(0.2, 20.0),
    low=st.floats(0.02, 0.4),
    high=st.floats(0.6, 0.98),
)
@settings(max_examples=150, deadline=None)
def test_any_usable_distribution_is_found_again_from_its_quantiles(
    distribution: str, first: float, second: float, low: float, high: float
) -> None:
    names = PARAMETERS[distribution]
    values = dict(zip(names, (first, second), strict=False))
    # A scale of 20 on the log scale spans more than floats do; no one means that.
    if distribution == "lognormal":
        values["sigma"] /= 10
    given_at = (low, high)[: len(names)]
    found = solve(distribution, {p: quantile(distribution, values, p) for p in given_at})
    assert found == pytest.approx(values, rel=1e-4)


@pytest.mark.parametrize(
    ("distribution", "quantiles", "said"),
    [
        ("normal", {0.05: 1.0, 0.95: 0.0}, "must rise"),
        ("normal", {0.05: 1.0, 0.95: 1.0}, "must rise"),
        ("normal", {0.5: 1.0}, "exactly 2"),
        ("normal", {0.05: 0.0, 0.5: 1.0, 0.95: 2.0}, "exactly 2"),
        ("halfnormal", {0.05: 1.0, 0.95: 2.0}, "exactly 1"),
        ("lognormal", {0.05: -1.0, 0.95: 1.0}, "above 0"),
        ("gamma", {0.05: 0.0, 0.95: 1.0}, "above 0"),
        ("beta", {0.05: 0.2, 0.95: 1.0}, "between 0 and 1"),
        ("beta", {0.05: 0.49999, 0.95: 0.50001}, "no beta"),
    ],
)
def test_inconsistent_quantiles_are_refused_with_the_reason(
    distribution: str, quantiles: dict[float, float], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        solve(distribution, quantiles)


def test_a_set_is_read_with_its_numbers_and_reasons(tmp_path: Path) -> None:
    priors = read_priors(
        written(
            tmp_path,
            table("alpha_war", 'distribution = "normal"\nmean = -3\nsd = 1.5'),
            table('"beta[war,trust]"', 'distribution = "normal"\nquantiles = { "0.5" = 0, ".9"=1}'),
            top='format = 1\nabout = "mine"\n',
        ),
        expected=dict.fromkeys(["beta[war,trust]", "alpha_war"], ()),
    )
    assert isinstance(priors, PriorSet)
    assert (priors.name, priors.about) == ("mine", "mine")
    assert list(priors.parameters) == ["alpha_war", "beta[war,trust]"]
    assert dict(priors.parameters["alpha_war"].values) == {"mean": -3.0, "sd": 1.5}
    beta = priors.parameters["beta[war,trust]"]
    assert beta.quantiles is not None
    assert dict(beta.quantiles) == {0.5: 0.0, 0.9: 1.0}
    assert implied_quantiles(beta, (0.5, 0.9)) == pytest.approx((0.0, 1.0))
    assert (beta.unit, beta.meaning, beta.reason, beta.status) == ("none", "m", "r", "assumed")


def test_only_numbers_change_the_hash(tmp_path: Path) -> None:
    normal = 'distribution = "normal"\nmean = 0\nsd = 1'
    first = read_priors(written(tmp_path, table("a", normal), table("b", normal)))
    reworded = TEXTS.replace('"r"', '"another reason"')
    again = read_priors(written(tmp_path, table("b", normal, reworded), table("a", normal)))
    other = read_priors(
        written(tmp_path, table("a", normal), table("b", normal.replace("sd = 1", "sd = 1.01")))
    )
    assert first.hash == again.hash
    assert first.hash != other.hash


def test_a_set_is_frozen(tmp_path: Path) -> None:
    priors = read_priors(
        written(tmp_path, table("a", 'distribution = "lkj"\neta = 2')), expected={"a": ()}
    )
    with pytest.raises(TypeError):
        priors.parameters["a"].values["eta"] = 3.0  # type: ignore[index]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('distribution = "nromal"\nmean = 0\nsd = 1', 'did you mean "normal"?'),
        ('distribution = "normal"\nmean = 0', "no sd; normal needs mean and sd, or quantiles"),
        ('distribution = "normal"\nmean = 0\nsd = 1\nvar = 1', 'unknown key "var"'),
        ('distribution = "normal"\nmean = 0\nsd = -1', "sd = -1; must be above 0"),
        ('distribution = "normal"\nmean = 0\nsd = 0', "sd = 0; must be above 0"),
        ('distribution = "normal"\nmean = nan\nsd = 1', 'mean = "nan"; must be a number'),
        ('distribution = "normal"\nmean = -inf\nsd = 1', 'mean = "-inf"; must be a number'),
        ('distribution = "normal"\nmean = "0"\nsd = 1', 'mean = "0"; must be a number'),
        ('distribution = "normal"\nmean = true\nsd = 1', 'mean = "True"; must be a number'),
        (f'distribution = "fixed"\nvalue = 1{"0" * 400}', "must be a number"),
        ("distribution = 3\nmean = 0", "must be text"),
        ("mean = 0\nsd = 1", "no distribution"),
        ('distribution = "lkj"\nquantiles = { "0.5" = 1 }', "lkj needs eta instead"),
        ('distribution = "normal"\nmean = 0\nquantiles = { "0.5" = 1 }', "one or the other"),
        ('distribution = "normal"\nquantiles = [0, 1]', "must be like"),
        ('distribution = "normal"\nquantiles = { "5%" = 0, "0.95" = 1 }', "cannot be read"),
        ('distribution = "normal"\nquantiles = { "0.0" = 0, "0.95" = 1 }', "cannot be read"),
        ('distribution = "normal"\nquantiles = { "0.5" = 0, "0.50" = 1 }', "cannot be read"),
        ('distribution = "normal"\nquantiles = { "0.05" = nan, "0.95" = 1 }', "cannot be read"),
        ('distribution = "normal"\nquantiles = { "0.05" = 2, "0.95" = 1 }', "must rise"),
    ],
)
def test_a_wrong_prior_is_refused_with_its_line(tmp_path: Path, body: str, said: str) -> None:
    path = written(tmp_path, table("alpha", body))
    (problem,) = problems_of(path)
    assert said in problem
    assert problem.startswith(f"{path} line ")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('distribution = "lognormal"\nmu = 800\nsigma = 1', "mu = 800, sigma = 1; its extreme"),
        ('distribution = "lognormal"\nmu = 0\nsigma = 1e200', "its extreme quantiles"),
        ('distribution = "lognormal"\nmu = -800\nsigma = 1', "not all zero"),
        ('distribution = "normal"\nmean = 0\nsd = 1e308', "its extreme quantiles"),
        ('distribution = "halfnormal"\nsd = 1e308', "its extreme quantiles"),
        ('distribution = "exponential"\nrate = 1e-310', "its extreme quantiles"),
        ('distribution = "gamma"\nshape = 1\nrate = 1e-310', "its extreme quantiles"),
        ('distribution = "gamma"\nshape = 1e-320\nrate = 1', "shape must lie between 1e-12 and"),
        ('distribution = "beta"\na = 1e200\nb = 1', "a must lie between 1e-12 and 1e+12"),
        ('distribution = "lkj"\neta = 1e308', "eta must lie between"),
        (
            'distribution = "gamma"\nquantiles = { "0.05" = 1e-320, "0.95" = 1e-310 }',
            "its numbers must be finite",
        ),
        (
            'distribution = "normal"\nquantiles = { "0.05" = -1e308, "0.95" = 1e308 }',
            "its numbers must be finite",
        ),
    ],
)
def test_a_law_beyond_what_floats_hold_is_refused_with_its_line(
    tmp_path: Path, body: str, said: str
) -> None:
    path = written(tmp_path, table("alpha", body))
    (problem,) = problems_of(path)
    assert said in problem
    assert problem.startswith(f"{path} line 5: [alpha] ")


EXTREME = [5e-324, 1e-300, 1e-12, 1e-3, 1.0, 1e3, 1e12, 1e17, 1e200, 1.7e308]


@pytest.mark.parametrize("distribution", [name for name in PARAMETERS if name != "fixed"])
def test_a_law_that_is_read_can_be_shown(distribution: str) -> None:
    names = PARAMETERS[distribution]
    either = [0.0, *EXTREME, *(-value for value in EXTREME)]
    ranges = [either if name in UNBOUNDED else EXTREME for name in names]
    computed = 0
    for numbers in itertools.product(*ranges):
        values = dict(zip(names, numbers, strict=True))
        try:
            check_law(distribution, values)
        except ValueError:
            continue
        computed += 1
        shown = [quantile(distribution, values, p) for p in (0.05, 0.5, 0.95)]
        assert all(map(math.isfinite, shown)), values
        assert all(0.0 <= share_below(distribution, values, each) <= 1.0 for each in shown)
        assert not any(map(math.isnan, mean_sd(distribution, values))), values
    assert computed > 2


@pytest.mark.parametrize("unit", [1e-200, 1e-9, 1.0, 1e200])
@pytest.mark.parametrize("distribution", ["normal", "halfnormal", "gamma", "exponential"])
def test_quantiles_are_solved_alike_in_any_unit(distribution: str, unit: float) -> None:
    stated = {0.1: 0.4, 0.8: 3.0}
    if len(PARAMETERS[distribution]) == 1:
        stated = {0.8: 3.0}
    found = solve(distribution, {p: unit * value for p, value in stated.items()})
    for probability, value in stated.items():
        assert quantile(distribution, found, probability) / unit == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("key", ["unit", "meaning", "reason", "source"])
@pytest.mark.parametrize("bad", ["\\u001b[2J", "\\u0007", "\\u009b31m"])
def test_control_characters_are_refused_with_their_line(tmp_path: Path, key: str, bad: str) -> None:
    texts = TEXTS.replace(f'{key} = "', f'{key} = "{bad}')
    path = written(tmp_path, table("alpha", 'distribution = "fixed"\nvalue = 1', texts))
    (problem,) = problems_of(path)
    line = next(n for n, text in enumerate(path.read_text().split("\n"), 1) if key in text)
    assert problem.startswith(f"{path} line {line}: [alpha] {key} = ")
    assert problem.endswith("must not hold control characters")
    assert problem.isprintable()


def test_names_that_would_steer_a_terminal_are_refused(tmp_path: Path) -> None:
    top = 'format = 1\nabout = "a\\u001b[2J"\n"b\\u202e" = 3\n'
    body = table('"c\\u001b"', 'distribution = "fixed"\nvalue = 1')
    problems = problems_of(written(tmp_path, body, top=top))
    assert len(problems) == 3
    assert all("must not hold control characters" in problem for problem in problems)
    assert all(problem.isprintable() for problem in problems)


def test_what_turns_the_direction_of_writing_is_not_shown(tmp_path: Path) -> None:
    texts = "".join(f'{key} = "x\u202ey\u2066z"\n' for key in ("unit", "meaning", "reason"))
    texts += 'source = "p\\u2028q\\nr"\nstatus = "assumed"\n'
    body = table("alpha", 'distribution = "normal"\nmean = 0\nsd = 1', texts)
    lines = list(priors_lines(read_priors(written(tmp_path, body))))
    assert all(line.isprintable() for line in lines)
    assert "  x\ufffdy\ufffdz." in lines
    assert "  Source: p q r." in lines


@pytest.mark.parametrize("key", ["unit", "meaning", "reason", "source", "status", "distribution"])
def test_every_prior_says_what_it_is_and_why(tmp_path: Path, key: str) -> None:
    computed = TEXTS.replace("assumed", "computed")
    whole = table("alpha", 'distribution = "fixed"\nvalue = 1', computed)
    read_priors(written(tmp_path, whole))
    lines = [line for line in whole.split("\n") if not line.startswith(key)]
    assert any(f"[alpha] no {key}" in p for p in problems_of(written(tmp_path, "\n".join(lines))))
    empty = [f'{key} = " "' if line.startswith(key) else line for line in whole.split("\n")]
    assert any(f"{key} is empty" in p for p in problems_of(written(tmp_path, "\n".join(empty))))


def test_only_an_assumed_prior_may_lack_its_source(tmp_path: Path) -> None:
    assumed = TEXTS.replace('source = "s"\n', "")
    body = 'distribution = "fixed"\nvalue = 1'
    assert read_priors(written(tmp_path, table("a", body, assumed))).parameters["a"].source == ""
    literature = assumed.replace("assumed", "literature")
    assert "no source" in problems_of(written(tmp_path, table("a", body, literature)))[0]


def test_an_unknown_status_is_refused(tmp_path: Path) -> None:
    body = table("a", 'distribution = "fixed"\nvalue = 1', TEXTS.replace("assumed", "asumed"))
    assert 'did you mean "assumed"?' in problems_of(written(tmp_path, body))[0]


def test_all_problems_are_told_at_once_each_with_its_line(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        table("alpha_wr", 'distribution = "normal"\nmean = 0\nsd = 1'),
        table("kappa", 'distribution = "lognormal"\nmu = 0\nsigma = -2'),
        table("rho2", 'distribution = "beta"\nquantiles = { "0.05" = 0.9, "0.95" = 0.1 }'),
    )
    lines = path.read_text().split("\n")
    problems = problems_of(path, expected=["alpha_war", "kappa", "rho2", "phi"])
    place = {text: lines.index(text) + 1 for text in ("[alpha_wr]", "sigma = -2")}
    assert len(problems) == 5
    assert f"{path} line {place['sigma = -2']}: [kappa] sigma = -2; must be above 0" in problems
    unknown = f"{path} line {place['[alpha_wr]']}: [alpha_wr] is not a parameter of the model"
    assert f'{unknown}; did you mean "alpha_war"?' in problems
    assert f"{path}: [alpha_war] is missing; the model needs it" in problems
    assert f"{path}: [phi] is missing; the model needs it" in problems


def test_a_line_is_right_behind_a_text_of_several_lines(tmp_path: Path) -> None:
    texts = TEXTS.replace('"r"', '"""\n[beta]\nsd = 1\n"""')
    path = written(
        tmp_path,
        table("alpha", 'distribution = "fixed"\nvalue = 1', texts),
        table("beta", 'distribution = "normal"\nmean = 0\nsd = -1'),
    )
    line = path.read_text().split("\n").index("sd = -1") + 1
    assert problems_of(path)[0].startswith(f"{path} line {line}: [beta] sd = -1")


def test_the_names_of_a_set_can_be_checked_once_the_model_is_known(tmp_path: Path) -> None:
    priors = read_priors(written(tmp_path, table("a", 'distribution = "fixed"\nvalue = 1')))
    check_parameters(priors, {"a": ("fixed",)})
    with pytest.raises(InputError, match=r"\[b\] is missing"):
        check_parameters(priors, {"a": ("fixed",), "b": ("beta",)})
    with pytest.raises(InputError, match=r"\[a\] is not a parameter"):
        check_parameters(priors, {})
    with pytest.raises(InputError, match=r"\[a\] cannot be fixed.*beta, gamma"):
        check_parameters(priors, {"a": ("beta", "gamma")})


@pytest.mark.parametrize(
    ("top", "said"),
    [
        ("", "begin with format = 1"),
        ("format = 2\n", "this version reads 1"),
        ("format = true\n", "this version reads 1"),
        ("format = 1\nabout = 3\n", "must be text"),
        ("format = 1\nalpha = 3\n", "a parameter is a table"),
        ("format = \n", "not TOML"),
        ("format = 1\n[a]\n[a]\n", "not TOML"),
        (f"format = {'9' * 5000}\n", "not TOML"),
        (f"format = {'[' * 5000}\n", "not TOML"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, top: str, said: str) -> None:
    path = written(tmp_path, top=top)
    if not top:
        path.write_text("# nothing\n")
    assert any(said in problem for problem in problems_of(path))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_is_either_read_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(InputError):
        read_priors(path, expected={"alpha": ()})


@given(
    st.dictionaries(
        st.sampled_from(["distribution", "mean", "sd", "quantiles", *TEXTS.split()[::3]]),
        st.one_of(
            st.sampled_from(['"normal"', '"gamma"', '"assumed"', "{}", '{"0.05"=1,"0.95"=2}']),
            st.floats().map(str),
            st.integers().map(str),
            st.sampled_from(["1979-05-27", "[1]", "true", '""', "{a={}}"]),
        ),
    )
)
@settings(max_examples=200, deadline=None)
def test_any_table_is_either_read_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, entries: dict[str, str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "tables.toml"
    body = "\n".join(f"{key} = {value}" for key, value in entries.items())
    path.write_text(f"format = 1\n[alpha]\n{body}\n", encoding="utf-8")
    told: tuple[Problem, ...] = ()
    names = ["alpha"]
    try:
        names = list(read_priors(path, expected={"alpha": ()}).parameters)
    except InputError as error:
        told = error.problems
    assert names == ["alpha"]
    assert all(problem.where.startswith(str(path)) for problem in told)


def test_a_name_means_the_working_folder_before_the_users_before_the_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    users = tmp_path / "data" / "durability" / "priors" / "default.toml"
    users.parent.mkdir(parents=True)
    users.write_text("format = 1\n")
    assert find_priors("default") == users
    near = tmp_path / "priors" / "default.toml"
    near.parent.mkdir()
    near.write_text("format = 1\n")
    assert find_priors("default").resolve() == near
    assert find_priors(str(users)) == users
    assert list_priors()["default"].resolve() == near


def test_an_unknown_name_is_answered_with_the_known_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "priors").mkdir()
    (tmp_path / "priors" / "sceptical.toml").write_text("format = 1\n")
    with pytest.raises(InputError, match='did you mean "sceptical"'):
        read_priors("skeptical")


def test_the_shipped_default_is_valid_for_the_default_model() -> None:
    from durability.catalogue import parameters_of

    priors = read_priors("default", expected=parameters_of("breakdown"))
    assert all(prior.source or prior.status == "assumed" for prior in priors.parameters.values())
