"""What a report says, second half: assumptions, diagnostics, checks, data and limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from durability import charts, check_charts
from durability.blocks import (
    Block,
    Bullets,
    Cell,
    Column,
    Estimate,
    Figure,
    Heading,
    Paragraph,
    Section,
    Table,
    linked,
    number_columns,
    text_columns,
)
from durability.sections import kaplan_figure
from durability.vocabulary import STREAMS
from durability.wording import (
    DRIVER_NAMES,
    RUNG_NAMES,
    STREAM_NAMES,
    counted,
    dated,
    error_points,
    failed_tries,
    headline_horizon,
    interval_name,
    number,
    number_range,
    percent,
    rungs_in,
    signed,
    verdict_tag,
    verdict_words,
)

Record = Mapping[str, Any]

STATUS_WORDS = {
    "computed": "computed from data",
    "literature": "from the literature",
    "assumed": "assumed",
}
HEADINGS = {"rank": "Ranks", "trace": "Traces", "ess": "Effective sample size"}
LOO_NAMES = {"outcomes": "Outcomes of history’s agreements", "events": "News events"}


def learned(record: Record) -> Section:
    """Give priors against posteriors, the priors' own survival, and the sensitivities."""
    blocks: list[Block] = []
    streams = [s for s in STREAMS if any(e["stream"] == s for e in record["effects"])]
    if streams:
        blocks += [Heading(text="What the drivers do"), _effects(record, streams)]
    blocks += [
        Heading(text="What the priors alone imply"),
        kaplan_figure(record, "prior_model"),
        Heading(text="Assumed, not learned"),
        _assumptions(record),
        Heading(text="What if it were otherwise"),
        *_sensitivities(record),
        Heading(text="Every parameter"),
        _parameters(record),
    ]
    return Section(
        name="learned", title="What was assumed and what was learned", blocks=tuple(blocks)
    )


def _effects(record: Record, streams: list[str]) -> Figure:
    rows = tuple(
        (
            f"{STREAM_NAMES[e['stream']]}, {charts.PRESSURE_NAMES[e['driver']].lower()}",
            number(e["prior"]["mean"], 2),
            number_range(e["prior"]),
            number(e["posterior"]["mean"], 2),
            number_range(e["posterior"]),
            percent(e["share_learned"]),
        )
        for s in streams
        for e in record["effects"]
        if e["stream"] == s
    )
    name = interval_name(record)
    table = Table(
        name="effects-table",
        caption="Effect of one unit of pressure on the log hazard of each stream of events, before "
        "and after the data.",
        columns=(
            *text_columns("Effect"),
            *number_columns("Prior", name, "Posterior", name, "Learned"),
        ),
        rows=rows,
        folded=True,
    )
    return Figure(
        name="effects",
        caption=f"Effect of each driver on each stream: thin grey the prior, thick blue the "
        f"posterior, mean and {name}. “Learned” is the share of the prior’s uncertainty that the "
        "data removed: the rest is still assumption.",
        panels=tuple(charts.effects(record, stream) for stream in streams),
        table=table,
    )


def _assumptions(record: Record) -> Bullets:
    items = tuple(
        (f"{a['name']} = {_value(a['value'])}", f"{a['meaning']}. {a['reason']}")
        for a in record["assumptions"]
    )
    return Bullets(items=items or (("", "Nothing is only assumed."),))


def _value(value: Any) -> str:
    return number(value) if isinstance(value, int | float) else str(value)


def _sensitivities(record: Record) -> list[Block]:
    found = record["sensitivities"]
    left_out = Paragraph(
        text="The model was not refitted under other assumptions: make the forecast without "
        "--no-sensitivities to see them."
    )
    refitted = any(s["method"].startswith("refit") for s in found)
    before = [] if refitted else [left_out]
    if not found:
        return [left_out]
    months = sorted({h for s in found for h in s["breakdown"]}, key=int)
    rows = tuple(
        (
            s["name"],
            *(_sensitive(s["breakdown"].get(h)) for h in months),
            s["what"],
            s["method"],
            s["note"],
        )
        for s in found
    )
    table = Table(
        name="sensitivities-table",
        caption="Chance of breakdown within so many months under other assumptions, with its Monte "
        f"Carlo standard error in points. Main fit: {verdict_tag(record)}",
        columns=(
            *text_columns("Assumption"),
            *number_columns(*months),
            Column(title="What changes", kind="wide"),
            *text_columns("Method"),
            Column(title="Note", kind="wide"),
        ),
        rows=rows,
    )
    shown = headline_horizon(record)
    if shown not in months:
        return [*before, table]
    figure = Figure(
        name="sensitivities",
        caption=f"Chance of breakdown within {shown} months under other assumptions, with two "
        "Monte Carlo standard errors either way. Line and band: this forecast and its "
        f"{interval_name(record)}.",
        panels=(charts.sensitivities(record, shown),),
        table=table,
    )
    return [*before, figure]


def _sensitive(chance: Mapping[str, float] | None) -> str:
    if chance is None:
        return "–"
    return f"{percent(chance['mean'])} (±{error_points(chance['mcse'])})"


def _parameters(record: Record) -> Table:
    rows = tuple(
        (
            p["name"],
            p["meaning"],
            STATUS_WORDS.get(p["status"], p["status"]),
            number(p["prior"]["mean"]),
            number_range(p["prior"]),
            number(p["posterior"]["mean"]),
            number_range(p["posterior"]),
        )
        for p in record["parameters"]
    )
    name = interval_name(record)
    return Table(
        name="parameters",
        caption=f"Parameters of the model: where the prior comes from, and prior and posterior "
        f"mean and {name}.",
        columns=(
            *text_columns("Parameter"),
            Column(title="Meaning", kind="wide"),
            *text_columns("Prior is"),
            *number_columns("Prior", name, "Posterior", name),
        ),
        rows=rows,
        folded=True,
    )


def diagnostics(record: Record, tree: xr.DataTree) -> Section:
    """Give the verdict's checks, and ArviZ's plots of a few parameters' chains."""
    settings = record["settings"]
    blocks: list[Block] = [
        Paragraph(
            text=f"{counted(settings['chains'], 'chain')} of {counted(settings['draws'], 'draw')} "
            f"after {counted(settings['tune'], 'tuning step')} each; "
            f"{verdict_words(record)}. The checks cover the forecast’s probabilities too."
        ),
        *(Paragraph(text=text) for text in failed_tries(record)),
        _verdict_table(record),
        *_chain_figures(record, tree),
    ]
    return Section(name="diagnostics", title="Diagnostics", blocks=tuple(blocks))


def _verdict_table(record: Record) -> Table:
    rows = tuple(
        (
            c["name"],
            number(c["value"], 4),
            number(c["limit"], 4),
            "passed" if c["ok"] else "FAILED",
            c["worst"],
        )
        for c in record["verdict"]["checks"]
    )
    return Table(
        name="verdict-checks",
        caption="Checks of the verdict, each at its worst place.",
        columns=(
            *text_columns("Check"),
            *number_columns("Value", "Limit"),
            *text_columns("Result", "Worst at"),
        ),
        rows=rows,
    )


def _chain_figures(record: Record, tree: xr.DataTree) -> list[Block]:
    # ArviZ takes seconds to import: only here, where its plots are drawn.
    from durability import chain_plots

    data = chain_plots.chosen_parameters(tree, record)
    if data is None:
        return [Paragraph(text="The fit has no draws to plot.")]
    rows: tuple[tuple[Cell, ...], ...] = tuple(chain_plots.summary_rows(data))
    heads = ("Mean", "Standard deviation", "R-hat", "Bulk ESS", "Tail ESS", "MCSE of the mean")
    columns = (*text_columns("Parameter"), *number_columns(*heads))
    said = {
        "rank": "Ranks of each chain against uniform ranks (Δ-ECDF): lines that stay near the "
        "middle agree. p is of the test that all chains tell the same.",
        "trace": "Every draw in its order, a colour a chain; black ticks are divergences.",
        "ess": "Effective sample size in each twentieth of the distribution; the line is the "
        f"{chain_plots.MIN_ESS} that are wanted.",
    }
    drawn = {
        "rank": chain_plots.rank_panels(data, tree),
        "trace": chain_plots.trace_panels(data, tree),
        "ess": chain_plots.ess_panels(data, tree),
    }
    blocks: list[Block] = []
    for name, panels in drawn.items():
        table = Table(
            name=f"{name}-table",
            caption=f"Chains of the parameters shown: {HEADINGS[name].lower()}",
            columns=columns,
            rows=rows,
            folded=True,
        )
        caption = f"{said[name]} The parameters that the checks name as worst come first."
        figure = Figure(name=name, caption=caption, panels=tuple(panels), table=table)
        blocks += [Heading(text=HEADINGS[name]), figure]
    return [*blocks, *_energy(tree)]


def _energy(tree: xr.DataTree) -> list[Block]:
    from durability import chain_plots

    panels, bfmi = chain_plots.energy_panels(tree)
    if not panels:
        return []
    table = Table(
        name="energy-table",
        caption="Energy Bayesian fraction of missing information, by chain.",
        columns=(*text_columns("Chain"), *number_columns("E-BFMI")),
        rows=tuple((str(i), number(v, 3)) for i, v in enumerate(bfmi, start=1)),
        folded=True,
    )
    caption = "Energy of the sampler: both densities should be alike, E-BFMI right of the line."
    figure = Figure(name="energy", caption=caption, panels=tuple(panels), table=table)
    return [Heading(text="Energy"), figure]


def predictive_checks(record: Record) -> Section:
    """Give what the model would have predicted for the data it was fitted to."""
    name = interval_name(record)
    blocks: list[Block] = [
        Paragraph(
            text="What the fitted model would have predicted for its own data, beside the data. "
            "Survival is held against history in the section History."
        )
    ]
    if any(record["checks"]["ratings"]["observed"]):
        caption = (
            f"How often each rating was given (bars) and how often the model expects it (dots: "
            f"mean and {name})."
        )
        panels = (check_charts.ratings(record),)
        blocks.append(
            Figure(
                name="ratings-check", caption=caption, panels=panels, table=_ratings_table(record)
            )
        )
    if record["checks"]["ladder"]:
        caption = (
            f"Agreements that had reached each rung by 1, 5 and 10 years: observed (diamonds) and "
            f"predicted (dots: mean and {name})."
        )
        panels = (check_charts.ladder(record),)
        blocks.append(
            Figure(name="ladder-check", caption=caption, panels=panels, table=_ladder_table(record))
        )
    return Section(name="checks", title="Posterior predictive checks", blocks=tuple(blocks))


def _ratings_table(record: Record) -> Table:
    c = record["checks"]["ratings"]
    rows = tuple(
        (signed(category, 0), number(seen), number(mean), f"{number(low)} to {number(high)}")
        for category, seen, mean, low, high in zip(
            c["category"], c["observed"], c["predicted_mean"], c["low"], c["high"], strict=True
        )
    )
    return Table(
        name="ratings-table",
        caption="Ratings observed and predicted.",
        columns=(
            *text_columns("Rating"),
            *number_columns("Observed", "Predicted", interval_name(record)),
        ),
        rows=rows,
        folded=True,
    )


def _ladder_table(record: Record) -> Table:
    found = record["checks"]["ladder"]
    rows = tuple(
        (
            RUNG_NAMES[r["rung"]],
            number(r["years"]),
            number(r["observed"]),
            number(r["mean"]),
            number_range(r),
        )
        for rung in rungs_in(dict.fromkeys(r["rung"] for r in found))
        for r in found
        if r["rung"] == rung
    )
    return Table(
        name="ladder-table",
        caption="Agreements that had reached each rung, observed and predicted.",
        columns=(
            *text_columns("Rung"),
            *number_columns("Years", "Observed", "Predicted", interval_name(record)),
        ),
        rows=rows,
        folded=True,
    )


def leave_one_out(record: Record) -> Section:
    """Give PSIS-LOO of every kind of unit, with Pareto k."""
    blocks: list[Block] = [
        Paragraph(
            text="Pareto-smoothed importance sampling leaves out one agreement’s outcome, or one "
            "news event, at a time. What is a unit’s own is integrated out: an agreement’s "
            "standing, given its ratings, and an event’s errors. Where Pareto k exceeds 0.7 the "
            "estimate of that unit is not to be trusted."
        )
    ]
    for name, loo in sorted(record["checks"]["loo"].items(), key=lambda kv: kv[0] != "outcomes"):
        title = LOO_NAMES.get(name, name)
        if not loo["rows"]:
            continue
        rows = tuple((r["id"], number(r["elpd"]), number(r["pareto_k"], 2)) for r in loo["rows"])
        table = Table(
            name=f"loo-{name}-table",
            caption=f"{title}: expected log predictive density and Pareto k of each unit.",
            columns=(*text_columns("Unit"), *number_columns("elpd", "Pareto k")),
            rows=rows,
            folded=True,
        )
        caption = (
            f"elpd {number(loo['elpd'], 4)} (standard error {number(loo['se'])}), effective "
            f"parameters {number(loo['p'])}; {loo['k_over_0_7']} of "
            f"{counted(len(rows), 'unit')} above 0.7."
        )
        panel = check_charts.pareto_k(record, name)
        figure = Figure(name=f"loo-{name}-k", caption=caption, panels=(panel,), table=table)
        blocks += [Heading(text=title), figure]
    return Section(name="loo", title="Leave-one-out", blocks=tuple(blocks))


def data_and_sources(record: Record) -> Section:
    """Give every news item with its address, what was reconciled, and how this was computed."""
    used = sum(item["used"] for item in record["news"])
    total = len(record["news"])
    blocks: list[Block] = [
        Paragraph(
            text=f"{counted(total, 'news item')}, {used} of them used. Ratings are of pressure as "
            "coded: above zero toward breakdown, for trust too. Salience orders the display and "
            "weighs nothing."
        )
    ]
    if record["news"]:
        blocks.append(_news_table(record))
    if record["reconciliations"]:
        blocks += [Heading(text="Where the coders differed"), _reconciled(record)]
    blocks += [Heading(text="How this was computed"), _provenance(record)]
    return Section(name="data", title="Data and sources", blocks=tuple(blocks))


def _news_table(record: Record) -> Table:
    rows = tuple(
        (
            _dates(item),
            item["statement"],
            linked(_source(item), item["address"]),
            _rated(item),
            Estimate(main=item["grade"], notes=(item["status"],)),
            "used" if item["used"] else f"not used: {item['why_not']}",
            Estimate(main=item["event"], notes=(item["actor"],) if item["actor"] else ()),
        )
        for item in record["news"]
    )
    return Table(
        name="news",
        caption=f"All {counted(len(rows), 'news item')}",
        columns=(
            Column(title="Item, happened, known", kind="short"),
            Column(title="Statement", kind="wide"),
            Column(title="Source", kind="wide"),
            *text_columns("Driver, ratings", "Grade, status", "Used?", "Event, actor"),
        ),
        rows=rows,
        folded=True,
    )


def _dates(item: Mapping[str, Any]) -> Estimate:
    assumed = " (assumed)" if item["known_assumed"] else ""
    return Estimate(main=item["id"], notes=(dated(item), f"known {item['known']}{assumed}"))


def _rated(item: Mapping[str, Any]) -> Estimate:
    scores = ", ".join(f"{c} {signed(score, 0)}" for c, score in sorted(item["ratings"].items()))
    notes = [scores or "not rated"]
    if item["salience"] is not None:
        notes.append(f"salience {item['salience']}")
    return Estimate(main=DRIVER_NAMES.get(item["driver"], "–"), notes=tuple(notes))


def _source(item: Mapping[str, Any]) -> str:
    return ", ".join(part for part in (item["source"], item["publisher"]) if part)


def _reconciled(record: Record) -> Table:
    rows = tuple(
        (
            str(r["item"]),
            str(r["field"]),
            *(str(r[k]) for k in ("coder_a", "coder_b", "chosen")),
            r["why"],
        )
        for r in record["reconciliations"]
    )
    return Table(
        name="reconciliations",
        caption=f"{counted(len(rows), 'difference')} decided by hand",
        columns=(
            *text_columns("Item", "Field", "Coder a", "Coder b", "Chosen"),
            Column(title="Why", kind="wide"),
        ),
        rows=rows,
        folded=True,
    )


def _provenance(record: Record) -> Table:
    versions = ", ".join(f"{k} {v}" for k, v in sorted(record["versions"].items()))
    timings = ", ".join(f"{k} {number(v)}" for k, v in sorted(record["timings"].items()))
    facts = (
        ("Case", record["case"]),
        ("Cutoff", record["cutoff"]),
        ("Clock starts", record["clock_start"]),
        ("Agreement of", record["deal"]),
        ("Model", record["model"]),
        ("Prior set", f"{record['prior_set']['name']} ({record['prior_set']['hash']})"),
        ("Data hash", record["data_hash"]),
        ("Seed", str(record["seed"])),
        ("Versions", versions),
        ("Seconds", timings),
    )
    return Table(
        name="provenance",
        caption="Inputs and versions: the same ones give the same forecast.",
        columns=(*text_columns("What"), Column(title="Value", kind="wide")),
        rows=facts,
    )


def limits(record: Record) -> Section:
    """Give what the forecast cannot do."""
    items = tuple(("", text) for text in record["limits"])
    return Section(name="limits", title="Limits", blocks=(Bullets(items=items),))
