"""A realistic synthetic forecast for the report's tests: no sampling, the same every time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from durability.vocabulary import DRIVERS, HORIZONS_MONTHS, RUNGS, STREAMS

HORIZON = 60
RUNG_RATES = {"force": 0.42, "fatal": 0.16, "war": 0.055, "abrogation": 0.012, "breakdown": 0.067}
STATEMENTS = {
    "trust": "Border delimitation commissions exchange maps of the Tavush section",
    "constitution": "Court declines to review the preamble's reference to the 1990 Declaration",
    "corridor": "Parties name an operator for the transit route through Syunik",
    "interference": "A neighbouring power warns against foreign troops near the frontier",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleForecast:
    """What ``durability.forecasts.Forecast`` is to the report: a record and a tree."""

    record: dict[str, Any]
    tree: xr.DataTree


def example_forecast(*, ok: bool = True) -> ExampleForecast:
    """Give a whole forecast; with `ok` false, one whose fit failed two checks."""
    return ExampleForecast(record=example_record(ok=ok), tree=example_tree())


def example_record(*, ok: bool = True) -> dict[str, Any]:
    generator = np.random.default_rng(20260630)
    return {
        "schema_version": 1,
        "case": "armenia_azerbaijan",
        "title": "Armenia–Azerbaijan agreement of 8 August 2025",
        "parties": ["Armenia", "Azerbaijan"],
        "cutoff": "2026-07-31",
        "clock_start": "2023-09-20",
        "deal": "2025-08-08",
        "covered_until": "2026-06-30",
        "seed": 20260630,
        "versions": {"durability": "0.1.0", "pymc": "6.4.1", "nutpie": "0.16.8", "python": "3.13"},
        "data_hash": "9f2c1f0f6f0f7f1d3c8c5a9f6f4f2e11a0b3c4d5e6f708192a3b4c5d6e7f8091",
        "prior_set": {"name": "default", "hash": "5d41402abc4b2a76b9719d911017c592"},
        "model": "breakdown",
        "fit": "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "changes": _changes(),
        "settings": {"draws": 1000, "tune": 1000, "chains": 4, "horizon_months": HORIZON},
        "verdict": _verdict(ok),
        "failed_tries": [],
        "observed_to": dict.fromkeys(STREAMS, "2026-06-30"),
        "happened": [],
        "newest_item": {"id": "T151", "known": "2026-06-29", "age_days": 32},
        "coverage_age_days": 31,
        "conditions": [],
        "life_cycle": None,
        "unseen": {r: _probability(1 - math.exp(-RUNG_RATES[r] / 12)) for r in RUNGS},
        "breakdown": {r: _horizons(r) for r in RUNGS},
        "survival": _survival(),
        "hazard": _hazard(),
        "months_kept": {
            str(h): {"mean": h * 0.93, "low": h * 0.8, "high": h * 0.99, **_quality(0.02)}
            for h in HORIZONS_MONTHS
        },
        "drivers": {d: _path(generator, i) for i, d in enumerate(DRIVERS)},
        "decomposition": _decomposition(),
        "contributions": {driver: _contributions(i) for i, driver in enumerate(DRIVERS)},
        "watch": _watch(),
        "effects": _effects(generator),
        "parameters": _parameters(generator),
        "sensitivities": _sensitivities(),
        "rivals": _rivals(),
        "power_scaling": _power_scaling(),
        "history": _history(),
        "checks": _checks(generator),
        "news": _news(generator),
        "reconciliations": [
            {
                "item": "T118",
                "field": "event",
                "coder_a": "washington-summit",
                "coder_b": "initialling",
                "chosen": "initialling-2025-08-08",
                "why": "Both tell the initialling of 8 August 2025.",
            }
        ],
        "assumptions": [
            {
                "name": "hindsight",
                "value": 0.25,
                "meaning": "How much harsher coders rate agreements known to have broken",
                "reason": "Not identified by the data; half of the largest shift in the grid.",
            },
            {
                "name": "shared coder error",
                "value": 0.3,
                "meaning": "Standard deviation of the error that both coders share",
                "reason": "Not identified by two coders of the same sources.",
            },
        ],
        "limits": [
            "Effects are associations: what history's agreements had in common, not what "
            "would follow from changing a driver.",
            "Ratings were coded in November 2026, after the events; at earlier cutoffs the "
            "forecast is pseudo-out-of-sample.",
            "No column measures third-party pressure, so it is left out.",
        ],
        "timings": {"import": 8.1, "compile": 44.2, "sample": 51.0, "predict": 2.2},
    }


def waiting_record() -> dict[str, Any]:
    """Give the record of a case that waits for four steps: one met, one pending, two blocked."""
    record = example_record()
    record["conditions"] = [
        _condition("talks", "met", driver="", outcome=True),
        _condition("corridor", "pending", actor="Armenia"),
        _condition("vote", "failed", driver="constitution", outcome=True),
        _condition("treaty", "blocked", stage="signed", requires=["vote"]),
        _condition(
            "signature",
            "pending",
            stage="signed",
            requires_any=["vote", "corridor"],
            waits_for=["corridor"],
        ),
    ]
    states = {
        "initialled": 0.6,
        "signed": 0.25,
        "ratified": 0.0,
        "in_force": 0.0,
        "breakdown": 0.15,
    }
    months = list(range(HORIZON + 1))
    split = {"initialled": 0.8, "signed": 0.2}
    pending = record["watch"]["watched"]
    pending[1:1] = [_watched_condition("corridor"), _watched_condition("vote")]
    pending[2]["ways"][0]["breakdown"] = None
    pending[2]["dates"] = dict.fromkeys(pending[2]["dates"])
    record["life_cycle"] = {
        "stage": "initialled",
        "broken": False,
        "occupancy": {
            "months": months,
            **{
                state: [
                    end * m / HORIZON + (state == "initialled") * (1 - m / HORIZON) for m in months
                ]
                for state, end in states.items()
            },
        },
        "stands": {
            state: _by_months(0.01 * (1 + place))
            for place, state in enumerate(("initialled", "signed", "breakdown"))
        },
        "reached": {"signed": _by_months(0.011)},
        "dates": {"signed": _dates()},
        "breakdown": {
            stage: {
                rung: {
                    months: {
                        k: v * part if k in ("mean", "low", "high") else v for k, v in c.items()
                    }
                    for months, c in by.items()
                }
                for rung, by in record["breakdown"].items()
            }
            for stage, part in split.items()
        },
    }
    return record


def _watched_way(name: str, chance: float, broken: float) -> dict[str, Any]:
    return {
        "name": name,
        "chance": _mean(chance),
        "breakdown": _mean(broken),
        "effective_paths": 16000.0 * chance,
        "few": False,
    }


def _watched_condition(name: str) -> dict[str, Any]:
    ways = {"met": (0.6, 0.05), "failed": (0.1, 0.09), "open": (0.3, 0.07)}
    return {
        "kind": "condition",
        "name": name,
        "grade": "",
        "ways": [_watched_way(way, chance, broken) for way, (chance, broken) in ways.items()],
        "dates": {"0.05": "2026-09-02", "0.5": "2027-03-11", "0.95": "2030-01-20"},
        "decided": 0.93,
        "worth": {"mean": 0.45, "mcse": 0.031},
        "decision": None,
    }


def _by_months(rate: float) -> dict[str, Any]:
    return {str(h): _probability(1 - math.exp(-rate * h)) for h in HORIZONS_MONTHS}


def _dates() -> dict[str, Any]:
    return {
        "expected": "2028-03-14",
        "low": "2026-11-02",
        "high": "2031-01-19",
        "interval_probability": 0.9,
        "median": "2030-02-01",
    }


def _condition(name: str, status: str, **more: Any) -> dict[str, Any]:
    result = {"met": "met", "failed": "failed"}.get(status, "met")
    driver = more.get("driver", "corridor")
    required = [*more.get("requires", []), *more.get("requires_any", [])]
    return {
        "name": name,
        "meaning": f"What {name} means to both sides",
        "words": {"met": "agreed", "failed": "refused"},
        "actor": more.get("actor", ""),
        "stage": more.get("stage", ""),
        "status": status,
        "requires": more.get("requires", []),
        "requires_any": more.get("requires_any", []),
        "waits_for": more.get("waits_for", required),
        "outcome": {
            "result": result,
            "date": "2026-05-04",
            "known": "2026-05-06",
            "reported_by": ["T140"],
            "why": "Both ministries said so.",
        }
        if more.get("outcome")
        else None,
        "elicited": "2026-06-30",
        "fails": 0.4,
        "effect": {
            "driver": driver,
            "low": 0.1,
            "middle": 0.32,
            "high": 1.0,
            "own": False,
            "permanent": False,
        }
        if driver
        else None,
        "depends_on": [driver] if driver else [],
        "why": "Base rates of such steps.",
        "source": "",
        "chances": {"met": _by_months(0.02), "failed": _by_months(0.008)}
        if status == "pending"
        else None,
        "dates": _dates() if status == "pending" else None,
    }


def _changes() -> dict[str, Any]:
    """What moved since a forecast a month earlier: three parts and the passing of time."""
    now = {rung: _horizons(rung) for rung in RUNGS}
    shares = {"N2": -0.4, "N1": 0.25, "months": 0.1, "remainder": -0.02}

    def part(kind: str, label: str, driver: str, items: list[dict[str, Any]]) -> dict[str, Any]:
        moved = {
            rung: {
                months: {
                    "mean": shares[label] * told["mean"],
                    "low": shares[label] * told["mean"] - 0.002,
                    "high": shares[label] * told["mean"] + 0.002,
                    **_quality(0.0012),
                }
                for months, told in by_horizon.items()
            }
            for rung, by_horizon in now.items()
        }
        return {"kind": kind, "label": label, "driver": driver, "items": items, "changes": moved}

    def item(name: str, change: str, rating: int, statement: str) -> dict[str, Any]:
        return {
            "id": name,
            "change": change,
            "known": "2026-07-12",
            "ratings": {"a": rating},
            "statement": statement,
            "source": "A newspaper",
        }

    factor = 1.0 - sum(shares.values())
    before = {
        rung: {
            months: {
                name: value * factor if name in ("mean", "low", "high") else value
                for name, value in told.items()
            }
            for months, told in by_horizon.items()
        }
        for rung, by_horizon in now.items()
    }
    signed = "The foreign ministers sign a protocol on the border commission."
    return {
        "since": {
            "cutoff": "2026-06-30",
            "fit": "ff1b2c3d4e5f6071",
            "prior_set": {"name": "default", "hash": "5d41402abc4b2a76b9719d911017c592"},
        },
        "trust": {
            "khat": 0.21,
            "khat_most": 0.7,
            "effective_size": 1641.4,
            "effective_least": 400.0,
            "effective_children": 5456.7,
            "khat_children": 0.26,
            "draws": 4000,
            "months": 1,
            "months_most": 3,
        },
        "reasons": [],
        "exact": True,
        "orders": 0,
        "before": before,
        "after": now,
        "parts": [
            part("event", "N1", "corridor", [item("N1", "added", 2, "Work on the route stops.")]),
            part("event", "N2", "trust", [item("N2", "added", -2, signed)]),
            part("months", "months", "", []),
            part("remainder", "remainder", "", []),
        ],
    }


def _quality(mcse: float) -> dict[str, float]:
    return {"interval_probability": 0.9, "mcse": mcse}


def _probability(mean: float) -> dict[str, float]:
    low, high = mean * 0.35, 1 - (1 - mean) ** 2.1
    return {"mean": mean, "low": low, "high": high, **_quality(0.02 * mean)}


def _cumulative(rung: str, month: float) -> float:
    return 1 - math.exp(-RUNG_RATES[rung] * (month / 12) ** 0.7)


def _horizons(rung: str) -> dict[str, dict[str, float]]:
    return {str(h): _probability(_cumulative(rung, h)) for h in HORIZONS_MONTHS}


def _survival() -> dict[str, Any]:
    curves: dict[str, Any] = {"months": list(range(HORIZON + 1))}
    for rung in RUNGS:
        chances = [_probability(_cumulative(rung, m)) for m in range(HORIZON + 1)]
        curves[rung] = {
            "mean": [1 - c["mean"] for c in chances],
            "low": [1 - c["high"] for c in chances],
            "high": [1 - c["low"] for c in chances],
        }
    return curves


def _hazard() -> dict[str, Any]:
    curves: dict[str, Any] = {"months": list(range(1, HORIZON + 1))}
    for rung in RUNGS:
        mean = [RUNG_RATES[rung] * 0.7 * (m / 12) ** -0.3 for m in range(1, HORIZON + 1)]
        curves[rung] = _around(mean, 0.5)
    return curves


def _around(mean: list[float], spread: float) -> dict[str, list[float]]:
    return {
        "mean": mean,
        "low": [m - spread * abs(m) for m in mean],
        "high": [m + spread * abs(m) for m in mean],
    }


def _path(generator: np.random.Generator, place: int) -> dict[str, Any]:
    months = [f"{2020 + (10 + m) // 12}-{(10 + m) % 12 + 1:02d}" for m in range(68 + 60)]
    observed = 69
    centre, value, mean = (0.9, 0.5, -0.2, 0.3)[place], 1.6, []
    for m in range(len(months)):
        noise = 0.18 * generator.normal() if m < observed else 0.0
        value = centre + 0.93 * (value - centre) + noise
        mean.append(round(value, 4))
    wide = [
        0.45 if m < observed else 0.45 + 0.6 * (1 - 0.94 ** (m - observed))
        for m in range(len(months))
    ]
    return {
        "months": months,
        "observed_months": observed,
        "mean": mean,
        "low": [m - w for m, w in zip(mean, wide, strict=True)],
        "high": [m + w for m, w in zip(mean, wide, strict=True)],
    }


def _contributions(place: int) -> dict[str, Any]:
    def part(mean: float) -> dict[str, float]:
        return {
            "mean": mean,
            "mcse": 0.02,
            "log_hazard": 0.4 * mean,
            "log_hazard_mcse": 0.01,
        }

    events = [
        {"kind": "event", "label": f"E{i}", "items": [f"T{100 + i}"], "actor": actor, **part(mean)}
        for i, (actor, mean) in enumerate(
            [("Russia", 0.31), ("United States", -0.42), ("", 0.08), ("Russia, Turkey", 0.05)] * 2
        )
    ]
    rest = [
        {"kind": kind, "label": kind, "items": [], "actor": "", **part(mean)}
        for kind, mean in (("anchors", 0.5), ("holding", -0.03))
    ]
    actors = [
        {"actor": actor, "events": 2, **part(mean)}
        for actor, mean in (("Russia", 0.62), ("United States", -0.84), ("", 0.16))
    ]
    return {
        "value": 0.1 * place,
        "total": part(0.1 * place + 0.01),
        "parts": [*events, *rest],
        "actors": actors,
    }


def _watch() -> dict[str, Any]:
    """Twelve possible news items, the first the most worth."""
    return {
        "months": 12,
        "breakdown_within_months": 24,
        "cost_ratio": None,
        "coder": "a",
        "as_things_come": _mean(0.061),
        "watched": [_watched_news(driver, g) for g in "ABC" for driver in DRIVERS],
    }


def _watched_news(driver: str, grade: str) -> dict[str, Any]:
    chances = {"-3": 0.1, "-2": 0.1, "-1": 0.1, "0": 0.2, "+1": 0.2, "+2": 0.2, "+3": 0.1}
    broken = {rating: 0.05 + 0.004 * int(rating) for rating in chances}
    ways = [_watched_way(rating, chance, broken[rating]) for rating, chance in chances.items()]
    return {
        "kind": "news",
        "name": driver,
        "grade": grade,
        "ways": ways,
        "dates": {},
        "decided": 1.0,
        "worth": {"mean": {"A": 0.6, "B": 0.3, "C": 0.15}[grade], "mcse": 0.02},
        "decision": None,
    }


def _mean(value: float) -> dict[str, float]:
    return {"mean": value, "mcse": 0.001}


def _decomposition() -> dict[str, Any]:
    means = dict(zip(DRIVERS, (0.42, 0.21, -0.18, 0.09), strict=True))
    points = dict(zip(DRIVERS, (0.021, 0.011, -0.009, 0.004), strict=True))
    total = _cumulative("breakdown", 24)
    return {
        "log_hazard": {d: {"mean": m, "low": m - 0.5, "high": m + 0.55} for d, m in means.items()},
        "probability": {
            "horizon_months": 24,
            "reference": total - sum(points.values()),
            "total": total,
            "drivers": {
                d: {"mean": m, "low": m - 0.025, "high": m + 0.04} for d, m in points.items()
            },
        },
    }


def _interval(centre: float, width: float) -> dict[str, float]:
    return {"mean": centre, "low": centre - width, "high": centre + width}


def _effects(generator: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {
            "parameter": f"beta[{stream}, {driver}]",
            "stream": stream,
            "driver": driver,
            "prior": _interval(0.3, 0.8),
            "posterior": _interval(float(generator.normal(0.35, 0.2)), 0.8 * (1 - share)),
            "share_learned": share,
        }
        for stream in STREAMS
        for driver in DRIVERS
        for share in [float(generator.uniform(0.05, 0.55))]
    ]


def _parameters(generator: np.random.Generator) -> list[dict[str, Any]]:
    names = [f"alpha[{s}]" for s in STREAMS] + [f"shape[{s}]" for s in STREAMS]
    names += ["rho_squared", "sigma_event[A]", "sigma_event[B]", "sigma_event[C]"]
    status = ("computed", "literature", "assumed")
    return [
        {
            "name": name,
            "meaning": f"What {name} stands for, in one line",
            "prior": _interval(0.0, 1.2),
            "posterior": _interval(float(generator.normal(0, 0.3)), 0.5),
            "status": status[i % 3],
        }
        for i, name in enumerate(names)
    ]


def _sensitivities() -> list[dict[str, Any]]:
    what = [
        ("Clock from the deal", "clock starts 2025-08-08 instead of 2023-09-20", "refit", 0.021),
        ("Ratings speak of the level", "rho_delta fixed at 0", "refit", -0.012),
        ("Ratings speak of the change", "rho_delta fixed at 1", "refit", 0.014),
        ("No hindsight in the coding", "h = 0", "refit", 0.004),
        ("Strong hindsight in the coding", "h = 0.5", "refit", -0.006),
        ("Leftover fighting counts", "reading 'all' of the rungs", "refit", 0.009),
    ]
    return [
        {
            "name": name,
            "what": text,
            "method": method,
            "breakdown": {
                h: {"mean": max(_cumulative("breakdown", int(h)) + shift, 0.001), "mcse": 0.003}
                for h in ("12", "24", "60")
            },
            "note": "",
        }
        for name, text, method, shift in what
    ]


def _rivals() -> dict[str, Any]:
    """Four prior sets: the main one and another fitted, one weighed, one not computed."""
    told = (
        ("default", "fitted", 1.0, None, 4000.0, ""),
        ("agreements_work", "weighed", 0.85, 0.62, 215.7, ""),
        ("bargaining_power", "fitted", 1.3, None, 4000.0, ""),
        ("sceptical", "not computed", 0.0, 4.27, 1.7, "Pareto k above 0.7: fit it"),
    )
    sets = [
        {
            "name": name,
            "hash": f"{i}d41402abc4b2a76b9719d911017c592",
            "about": f"Rival beliefs, number {i}.",
            "method": method,
            "pareto_k": khat,
            "effective_size": size,
            "note": note,
            "breakdown": {r: _scaled(r, scale) for r in RUNGS} if scale else {},
        }
        for i, (name, method, scale, khat, size, note) in enumerate(told)
    ]
    span = {"share": 0.034, "lowest": 0.102, "highest": 0.156}
    return {
        "sets": sets,
        "disagreement": {
            "sets": ["default", "agreements_work", "bargaining_power"],
            "without": ["sceptical"],
            "rungs": {r: {str(h): dict(span) for h in HORIZONS_MONTHS} for r in RUNGS},
        },
        "comparison": None,
    }


def _scaled(rung: str, scale: float) -> dict[str, Any]:
    return {
        months: {
            **chance,
            **{key: min(scale * chance[key], 1.0) for key in ("mean", "low", "high")},
        }
        for months, chance in _horizons(rung).items()
    }


def compared_record() -> dict[str, Any]:
    """Give the record of a forecast whose rivals were all fitted and compared."""
    record = example_record()
    sets = record["rivals"]["sets"]
    for each in sets:
        each |= {"method": "fitted", "pareto_k": None, "effective_size": 4000.0, "note": ""}
        each["breakdown"] = each["breakdown"] or {r: _scaled(r, 0.7) for r in RUNGS}
    names = [each["name"] for each in sets]
    record["rivals"]["disagreement"] |= {"sets": names, "without": []}
    rows = [(-110.2, 0.0, 0.31, []), (-110.9, 1.2, 0.0, []), (-109.4, 0.9, 0.69, ["R007"])]
    rows.append((-111.0, 1.6, 0.0, ["R007", "R031"]))
    record["rivals"]["comparison"] = {
        "outcomes": 66,
        "clusters": 38,
        "sets": [
            {
                "name": name,
                "elpd": elpd,
                "difference": elpd + 110.2,
                "difference_se": error if k else 0.0,
                "difference_low": elpd + 110.2 - 1.7 * error,
                "difference_high": elpd + 110.2 + 1.7 * error,
                "detectable": 2.6 * error,
                "over_0_7": over,
                "weight": weight,
                "weight_low": 0.0,
                "weight_high": min(weight + 0.6, 1.0),
                "largest": 0.25,
            }
            for k, (name, (elpd, error, weight, over)) in enumerate(zip(names, rows, strict=True))
        ],
        "stacked": {
            rung: {
                months: {
                    **{key: chance[key] for key in ("mean", "low", "high", "interval_probability")},
                    "mean_low": 0.9 * chance["mean"],
                    "mean_high": min(1.1 * chance["mean"], 1.0),
                }
                for months, chance in _horizons(rung).items()
            }
            for rung in RUNGS
        },
    }
    return record


def _power_scaling() -> list[dict[str, Any]]:
    told = (
        ("effects of drivers", "prior", 0.11, 0.004, 0.21),
        ("all priors", "prior", 0.13, 0.006, 0.25),
        ("history’s outcomes", "data", 0.19, -0.02, 0.18),
        ("news", "data", 0.03, 0.001, None),
        ("all data", "data", 0.24, -0.024, 0.31),
    )
    return [
        {
            "component": component,
            "kind": kind,
            "pareto_k": khat,
            "breakdown": {
                str(h): {"leaning": leaning, "slope": slope, "slope_mcse": 0.001}
                for h in HORIZONS_MONTHS
            },
        }
        for component, kind, leaning, slope, khat in told
    ]


def _history() -> dict[str, Any]:
    ages = [0.1, 0.3, 0.6, 1.0, 1.8, 2.7, 4.1, 6.0, 8.5, 12.0, 15.5, 21.0, 28.0]
    grid = [round(0.25 * i, 2) for i in range(121)]
    kaplan, model, prior = {}, {}, {}
    for rung in RUNGS:

        def alive(t: float, rung: str = rung) -> float:
            return math.exp(-1.3 * RUNG_RATES[rung] * t**0.6)

        survival = [round(alive(a) + 0.02 * math.sin(9 * a), 4) for a in ages]
        survival = [min([1.0, *survival[: i + 1]]) for i in range(len(survival))]
        kaplan[rung] = {
            "age_years": ages,
            "survival": survival,
            "low": [max(s - 0.1, 0.0) for s in survival],
            "high": [min(s + 0.09, 1.0) for s in survival],
        }
        mean = [alive(t) for t in grid]
        model[rung] = {
            "age_years": grid,
            "mean": mean,
            "low": [m**1.5 for m in mean],
            "high": [m**0.65 for m in mean],
        }
        prior[rung] = {
            "age_years": grid,
            "mean": [m**1.2 for m in mean],
            "low": [m**5 for m in mean],
            "high": [m**0.15 for m in mean],
        }
    return {
        "subset": "core",
        "agreements": 66,
        "events": {"force": 17, "fatal": 24, "war": 15, "abrogation": 3},
        "kaplan_meier": kaplan,
        "model": model,
        "prior_model": prior,
        "precedents": [
            {
                "id": f"R{n:03d}",
                "name": name,
                "start": start,
                "distance": 0.4 + 0.11 * i,
                "outcome": outcome,
                "ratings": dict(zip(DRIVERS, (2.0, 1.5, 1.0, -0.5), strict=True)),
            }
            for i, (n, name, start, outcome) in enumerate(
                [
                    (26, "Camp David and peace treaty, Egypt–Israel", "1979-03-26", "holds"),
                    (45, "Brioni and Erdut, Croatia–Serbia", "1995-11-12", "holds"),
                    (
                        53,
                        "Algiers agreement, Eritrea–Ethiopia",
                        "2000-12-12",
                        "use of force after 1.4 years; no war",
                    ),
                    (2, "Tashkent, second Kashmir war", "1965-09-23", "war after 6.2 years"),
                    (21, "Shanghai and border accords, China–Vietnam", "1991-11-10", "holds"),
                ]
            )
        ],
    }


def _checks(generator: np.random.Generator) -> dict[str, Any]:
    expected = np.array([8, 30, 62, 40, 70, 41, 13], dtype=float)
    ladder = []
    for rung in ("force", "fatal", "war", "breakdown"):
        for years in (1, 5, 10):
            mean = 66 * (1 - math.exp(-1.3 * RUNG_RATES[rung] * years**0.6))
            ladder.append(
                {
                    "rung": rung,
                    "years": years,
                    "observed": round(mean + 1.5),
                    "mean": mean,
                    "low": mean * 0.6,
                    "high": mean * 1.35 + 2,
                }
            )
    rows = [
        {
            "id": f"R{n:03d}",
            "elpd": -float(generator.gamma(2, 1.2)),
            "pareto_k": float(generator.normal(0.25, 0.14)),
        }
        for n in range(1, 67)
    ]
    rows[52]["pareto_k"] = 0.74
    events = [
        {**row, "id": f"event-{i}", "pareto_k": row["pareto_k"] * 0.8}
        for i, row in enumerate(rows[:40])
    ]
    return {
        "ratings": {
            "category": [-3, -2, -1, 0, 1, 2, 3],
            "observed": [int(x) for x in expected + np.array([1, -4, 5, -2, 3, -6, 3])],
            "predicted_mean": expected.tolist(),
            "low": (expected * 0.75).tolist(),
            "high": (expected * 1.25 + 2).tolist(),
        },
        "ladder": ladder,
        "loo": {"outcomes": _loo(rows), "events": _loo(events)},
    }


def _loo(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "elpd": sum(row["elpd"] for row in rows),
        "se": 9.4,
        "p": 11.2,
        "pareto_k_max": max(row["pareto_k"] for row in rows),
        "k_over_0_7": sum(row["pareto_k"] > 0.7 for row in rows),
        "rows": rows,
    }


def _news(generator: np.random.Generator) -> list[dict[str, Any]]:
    items = []
    for i in range(72):
        month = int(min(67, 67 * generator.beta(2.2, 1.0)))
        year, number = 2020 + (10 + month) // 12, (10 + month) % 12 + 1
        driver = DRIVERS[int(generator.integers(4))]
        score = int(generator.integers(-3, 4))
        used = i % 9 != 0
        precision = "month" if i % 11 == 5 else "day"
        items.append(
            {
                "id": f"T{i + 80:03d}",
                "date": f"{year}-{number:02d}-{1 + i % 28:02d}",
                "date_precision": precision,
                "known": f"{year}-{number:02d}-28",
                "known_assumed": precision == "month",
                "driver": driver,
                "ratings": {"a": score, "b": max(-3, min(3, score + i % 3 - 1))} if used else {},
                "salience": 1 + i % 3,
                "grade": "ABC"[i % 3],
                "event": f"event-{i // 2}",
                "actor": "Government",
                "status": "occurred" if used else "scheduled",
                "statement": f"{STATEMENTS[driver]} (round {i + 1}).",
                "source": "Joint communiqué",
                "publisher": "Press agency",
                "address": "" if i % 7 == 0 else f"https://news.example/{i}",
                "used": used,
                "why_not": "" if used else "not rated: scheduled, not yet occurred",
            }
        )
    return sorted(items, key=lambda item: (item["date"], item["id"]))


def _verdict(ok: bool) -> dict[str, Any]:
    checks = [
        {"name": "R-hat", "value": 1.004, "limit": 1.01, "ok": True, "worst": "beta[war, trust]"},
        {"name": "bulk ESS", "value": 1240.0, "limit": 400.0, "ok": True, "worst": "tau"},
        {"name": "tail ESS", "value": 987.0, "limit": 400.0, "ok": True, "worst": "tau"},
        {"name": "divergences", "value": 0.0, "limit": 0.0, "ok": True, "worst": ""},
        {"name": "E-BFMI", "value": 0.71, "limit": 0.3, "ok": True, "worst": "chain 2"},
        {
            "name": "R-hat of the forecast",
            "value": 1.002,
            "limit": 1.01,
            "ok": True,
            "worst": "war at 60 months",
        },
    ]
    reasons: list[str] = []
    if not ok:
        checks[0] |= {"value": 1.08, "ok": False}
        checks[3] |= {"value": 41.0, "ok": False}
        reasons = [
            "R-hat of beta[war, trust] is 1.08, at most 1.01 is allowed",
            "41 divergent transitions, none is allowed",
        ]
    return {"ok": ok, "reasons": reasons, "checks": checks}


def example_tree() -> xr.DataTree:
    """Give a small fit: four chains, one bad-looking parameter, the groups ArviZ knows."""
    generator = np.random.default_rng(7)
    chains, draws = 4, 500
    coords = {"chain": np.arange(chains), "draw": np.arange(draws)}
    dims = ("chain", "draw")
    beta = generator.normal(0.3, 0.4, (chains, draws, len(STREAMS), len(DRIVERS)))
    tau = np.abs(_autocorrelated(generator, chains, draws, 0.9))
    posterior = xr.Dataset(
        {
            "beta": ((*dims, "stream", "driver"), beta),
            "shape": ((*dims, "stream"), generator.gamma(40, 0.015, (chains, draws, 4))),
            "tau": (dims, tau),
            "fixed": (dims, np.full((chains, draws), 0.25)),
        },
        coords={**coords, "stream": list(STREAMS), "driver": list(DRIVERS)},
    )
    stats = xr.Dataset(
        {
            "diverging": (dims, generator.random((chains, draws)) < 0.001),
            "energy": (dims, generator.normal(500, 12, (chains, draws))),
        },
        coords=coords,
    )
    return xr.DataTree.from_dict(
        {
            "/posterior": posterior,
            "/sample_stats": stats,
            "/observed_data": xr.Dataset({"rating": ("item", np.arange(7))}),
        }
    )


def _autocorrelated(
    generator: np.random.Generator, chains: int, draws: int, phi: float
) -> np.ndarray[Any, np.dtype[np.float64]]:
    noise = generator.normal(size=(chains, draws))
    values = np.zeros_like(noise)
    for draw in range(1, draws):
        values[:, draw] = phi * values[:, draw - 1] + noise[:, draw]
    return values
