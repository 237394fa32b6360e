"""What rival prior sets say of the shipped case, fitted and weighed, and what history says of them.

    uv run --no-sync python tests/benchmarks/rivals.py

Fits are read from the cache, or sampled: minutes a set. The table is copied to docs/benchmarks.md.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import page

HORIZONS = ("24", "60")


def points(chance: dict[str, float]) -> str:
    return f"{100 * chance['mean']:.2f} ± {100 * chance['mcse']:.2f}"


def lines() -> Iterator[str]:
    import durability
    from durability.inference import build, fit
    from durability.rival_fits import fit_rivals
    from durability.rival_forecasts import shipped_sets, weighed
    from durability.rivals import compare_rivals
    from durability.vocabulary import HORIZONS_MONTHS

    data = durability.assemble(durability.read_case("armenia_azerbaijan"))
    main = fit(build(data, durability.read_priors("default")))
    began = time.process_time()
    record = compare_rivals(main)["rivals"]
    took = time.process_time() - began
    other = {
        each.name: weighed(main, each, months=max(HORIZONS_MONTHS))
        for each in shipped_sets(main.model.priors)
    }
    yield "| set | 24 months, fitted | weighed | 60 months, fitted | weighed | Pareto k |"
    yield "|---|---:|---:|---:|---:|---:|"
    for each in record["sets"]:
        yield _set_row(each, other.get(each["name"]))
    compared = record["comparison"]
    halves = _halves([main, *fit_rivals(main, shipped_sets(main.model.priors))])
    yield ""
    yield (
        "| set | elpd | difference | 90% interval | halves of the chains | k above 0.7 | weight "
        "| 90% interval | largest |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    for each, told in zip(compared["sets"], halves, strict=True):
        yield _compared_row(each, told)
    yield ""
    share = {h: record["disagreement"]["rungs"]["breakdown"][h]["share"] for h in HORIZONS}
    stacked = {h: compared["stacked"]["breakdown"][h] for h in HORIZONS}
    yield (
        f"Disagreement {share['24']:.1%} at 24 months and {share['60']:.1%} at 60. Stacked "
        f"{stacked['24']['mean']:.2%} and {stacked['60']['mean']:.2%}. Processor time of the "
        f"comparison {took:.0f} s; {compared['outcomes']} outcomes in {compared['clusters']} "
        "clusters."
    )


def _set_row(each: dict[str, Any], other: Any) -> str:
    from durability.rivals import _chance

    cells = [each["name"]]
    for h in HORIZONS:
        cells.append(points(each["breakdown"]["breakdown"][h]))
        told = other is not None and "breakdown" in other.rungs
        weighed = _chance(other, other.rungs["breakdown"][:, int(h) - 1]) if told else None
        cells.append(points(weighed) if weighed else "–")
    cells.append("–" if other is None else f"{other.pareto_k:.2f}")
    return f"| {' | '.join(cells)} |"


def _halves(fits: list[Any]) -> list[str]:
    """Differences of elpd to the first fit, from either half of the chains alone."""
    from durability.checks import left_out_outcomes
    from durability.cross_validation import leave_one_out
    from durability.rivals import LOO_DRAWS

    found = []
    for half in (slice(0, 2), slice(2, 4)):
        told = [left_out_outcomes(each, draws=LOO_DRAWS) for each in fits]
        labels = range(told[0]["outcomes"].shape[-1])
        sums = [
            leave_one_out(each["outcomes"][half], labels, "outcomes", ratios=each["ratios"][half])[
                "elpd"
            ]
            for each in told
        ]
        found.append([each - sums[0] for each in sums])
    return ["–", *(f"{a:.1f}, {b:.1f}" for a, b in list(zip(*found, strict=True))[1:])]


def _compared_row(each: dict[str, Any], halves: str) -> str:
    told = "–"
    if each["difference_se"]:
        told = f"{each['difference_low']:.1f} to {each['difference_high']:.1f}"
    cells = (
        each["name"],
        f"{each['elpd']:.1f}",
        f"{each['difference']:.1f}",
        told,
        halves,
        str(len(each["over_0_7"])),
        f"{each['weight']:.0%}",
        f"{each['weight_low']:.0%} to {each['weight_high']:.0%}",
        f"{each['largest']:.0%}",
    )
    return f"| {' | '.join(cells)} |"


def main() -> int:
    told = "\n".join(lines())
    page.publish("rivals", f"{page.setting()}; armenia_azerbaijan, seed 1.\n\n{told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
