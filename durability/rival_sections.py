"""Rival beliefs: the section on what other prior sets say, and what the forecast leans on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from durability.blocks import (
    Block,
    Cell,
    Column,
    Estimate,
    Figure,
    Heading,
    Paragraph,
    Section,
    Table,
    number_columns,
    text_columns,
)
from durability.power_scaling import NOTABLE
from durability.rival_charts import chances_by_set
from durability.wording import (
    RUNG_NAMES,
    counted,
    disagreement_sentence,
    error_points,
    headline_horizon,
    horizons,
    interval_name,
    listed,
    number,
    percent,
    percent_range,
    rungs_in,
    signed,
    verdict_tag,
)

Record = Mapping[str, Any]

FITTED = "fitted"
"""What a record calls the method of a set that has a fit of its own."""


def rivals(record: Record) -> tuple[Section, ...]:
    """Say what the rival prior sets say, and how the forecast leans on priors and data."""
    told = record["rivals"]
    blocks: list[Block] = [
        Paragraph(text=disagreement_sentence(record)),
        Figure(
            name="rival-chances",
            caption=f"Chance of breakdown within {headline_horizon(record)} months under each "
            f"prior set: mean and {interval_name(record)}. A set that was weighed, not fitted, "
            f"speaks through the draws of this forecast. {verdict_tag(record)}",
            panels=(chances_by_set(record),),
            table=_sets_table(record),
        ),
        *_disagreements(record),
        Heading(text="Which set predicts history better"),
        *_comparison(told, record["case"]),
        Heading(text="What the forecast leans on"),
        *_power_scaling(record),
    ]
    return (Section(name="rivals", title="Rival beliefs", blocks=tuple(blocks)),)


def _sets_table(record: Record) -> Table:
    found, rows = horizons(record), []
    for each in record["rivals"]["sets"]:
        chances = each["breakdown"].get("breakdown", {})
        cells: list[Cell] = [_chance(chances[h]) if h in chances else "–" for h in found]
        khat = each["pareto_k"]
        rows.append(
            (
                Estimate(main=each["name"], notes=(each["method"],)),
                *cells,
                _two_decimals(khat),
                "–" if each["method"] == "fitted" else number(each["effective_size"], 3),
                ". ".join(part for part in (each["about"].rstrip("."), each["note"]) if part),
            )
        )
    return Table(
        name="rivals-table",
        caption=f"Chance of breakdown within so many months under each prior set: mean, "
        f"{interval_name(record)}, Monte Carlo standard error (±, in points).",
        columns=(
            *text_columns("Prior set"),
            *number_columns(*found, "Pareto k", "Effective draws"),
            Column(title="What it believes", kind="wide"),
        ),
        rows=tuple(rows),
    )


def _two_decimals(value: float | None) -> str:
    return "–" if value is None else signed(value).removeprefix("+")


def _chance(chance: Record) -> Estimate:
    return Estimate(
        main=percent(chance["mean"]),
        notes=(percent_range(chance), f"±{error_points(chance['mcse'])}"),
    )


def _disagreements(record: Record) -> list[Block]:
    told = record["rivals"]["disagreement"]
    if not told["rungs"]:
        return []
    found = horizons(record)
    rows: list[tuple[Cell, ...]] = []
    for rung in rungs_in(told["rungs"]):
        cells = [
            Estimate(
                main=percent(each["share"]),
                notes=(percent_range({"low": each["lowest"], "high": each["highest"]}),),
            )
            for each in (told["rungs"][rung][h] for h in found)
        ]
        rows.append((RUNG_NAMES[rung], *cells))
    without = f" Without {listed(list(told['without']))}." if told["without"] else ""
    table = Table(
        name="disagreement-table",
        caption="Disagreement between prior sets: share of the variance of each probability that "
        "lies between the sets, from 0% (all give the same mean) to 100% (each is certain of "
        f"another), and lowest to highest mean.{without}",
        columns=(*text_columns("Rung"), *number_columns(*(f"{h} months" for h in found))),
        rows=tuple(rows),
        folded=True,
    )
    return [table]


def _comparison(rivals: Record, case: str) -> list[Block]:
    told = rivals["comparison"]
    if told is None:
        text = (
            "Not computed: it needs a fit under every set. Run durability rivals "
            f"{case}, which takes minutes, then make the forecast again."
        )
        return [Paragraph(text=text)]
    rows = tuple(
        (
            each["name"],
            number(each["elpd"], 4),
            _difference(each),
            Estimate(
                main=str(len(each["over_0_7"])),
                notes=(", ".join(each["over_0_7"]),) if each["over_0_7"] else (),
            ),
            Estimate(
                main=percent(each["weight"]),
                notes=(percent_range({"low": each["weight_low"], "high": each["weight_high"]}),),
            ),
            percent(each["largest"]),
        )
        for each in told["sets"]
    )
    table = Table(
        name="comparison-table",
        caption="Prior sets by history’s outcomes, each left out in turn: expected log predictive "
        "density, its difference to the first set with interval between clusters of wars, outcomes "
        "whose Pareto k exceeds 0.7, stacking weight with interval, and how often the weight is "
        "the largest when clusters are resampled.",
        columns=(
            *text_columns("Prior set"),
            *number_columns("elpd", "Difference", "k above 0.7", "Weight", "Largest"),
        ),
        rows=rows,
    )
    return [Paragraph(text=comparison_sentence(rivals)), table]


def _difference(each: Record) -> Cell:
    if each["difference_se"] is None or each["difference_se"] == 0.0:
        return "–"
    low, high = number(each["difference_low"], 2), number(each["difference_high"], 2)
    return Estimate(main=number(each["difference"], 2), notes=(f"{low} to {high}",))


def comparison_sentence(rivals: Record) -> str:
    """Say plainly whether history can tell the sets apart, and what to leave out of account."""
    told = rivals["comparison"]
    base, *others = told["sets"]
    apart = [
        each["name"]
        for each in others
        if each["difference_low"] is not None
        and not each["difference_low"] <= 0.0 <= each["difference_high"]
    ]
    outcomes = (
        f"{counted(told['outcomes'], 'outcome')} in {counted(told['clusters'], 'cluster')} of wars"
    )
    if apart:
        verdict = f"tell {listed(apart)} from {base['name']}"
    else:
        verdict = f"cannot tell any of them from {base['name']}"
    limits = [each["detectable"] for each in others if each["detectable"] is not None]
    missed = (
        f" Differences of elpd under {number(min(limits), 2)} to {number(max(limits), 2)} would "
        "not be found."
        if limits
        else ""
    )
    doubtful = len({name for each in told["sets"] for name in each["over_0_7"]})
    if doubtful:
        missed += (
            f" Of {counted(doubtful, 'outcome')} some density is not to be trusted (k above 0.7), "
            "nor what rests on it."
        )
    failed = [each["name"] for each in rivals["sets"] if each["method"] == FITTED and each["note"]]
    if failed:
        missed += f" Leave {listed(failed)} out of account: the fit FAILED its checks."
    return (
        f"{outcomes} {verdict}.{missed} The weights below follow the few failures that there are: "
        "their intervals matter more than they do."
    )


def _power_scaling(record: Record) -> list[Block]:
    months = headline_horizon(record)
    rows = tuple(
        (
            each["component"],
            each["kind"],
            number(found["leaning"], 2),
            Estimate(
                main=signed(100 * found["slope"]), notes=(f"±{100 * found['slope_mcse']:.2f}",)
            ),
            _two_decimals(each["pareto_k"]),
        )
        for each in record["power_scaling"]
        for found in [each["breakdown"][months]]
    )
    table = Table(
        name="power-scaling-table",
        caption=f"What the chance of breakdown within {months} months leans on: each component "
        "of priors and data raised to a power near one. Leaning is how fast the whole "
        "distribution of the chance moves; the slope is by how many points its mean would move a "
        "doubling of the power, if it kept its speed, with its Monte Carlo standard error. "
        f"{verdict_tag(record)}",
        columns=(
            *text_columns("Component", "Kind"),
            *number_columns("Leaning", "Slope, points", "Pareto k"),
        ),
        rows=rows,
    )
    return [Paragraph(text=leaning_sentence(record)), table]


def leaning_sentence(record: Record) -> str:
    """Say which components the headline leans on, beyond what Monte Carlo error could feign."""
    months = headline_horizon(record)
    told = {kind: _notable(record, kind, months) for kind in ("prior", "data")}
    if not any(told.values()):
        return (
            f"No single component of priors or data has a leaning of {NOTABLE} and a slope "
            "beyond two Monte Carlo standard errors."
        )
    both = " Where both stand here, they pull against each other or share the say."
    if not all(told.values()):
        both = ""
    said = [
        f"of the {word}: {listed(told[kind])}"
        for kind, word in (("prior", "priors"), ("data", "data"))
        if told[kind]
    ]
    return (
        f"Components with a leaning of {NOTABLE} or more, and a slope beyond two Monte Carlo "
        f"standard errors: {'; '.join(said)}.{both}"
    )


def _notable(record: Record, kind: str, months: str) -> list[str]:
    return [
        each["component"]
        for each in record["power_scaling"]
        for found in [each["breakdown"][months]]
        if each["kind"] == kind
        and not each["component"].startswith("all ")
        and found["leaning"] >= NOTABLE
        and abs(found["slope"]) > 2.0 * found["slope_mcse"]
    ]
