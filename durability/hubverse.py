r"""Recorded forecasts as a modeling hub keeps them: hubverse tables and their configuration.

One file for each cutoff, ``model-output/MODEL/CUTOFF-MODEL.csv``, and ``hub-config/tasks.json``,
which says what the columns may hold, after version 5.0.1 of the hubverse's schema [1]_. Columns
are the task ids ``origin_date`` (the cutoff), ``agreement`` (the case), ``target``, ``horizon``
(months) and ``target_end_date`` (the last day of the horizon), then ``output_type``,
``output_type_id`` and ``value``:

========  =====================  ================================================================
`pmf`     target ``breakdown``   ``yes`` and ``no`` for each horizon: whether it happened by then
`sample`  target ``breakdown``   paths of 0 and 1 over horizons; one id, one path
`cdf`     ``months to …``        chance that the time to it is at most so many months; no horizon
========  =====================  ================================================================

and the same for every other rung. A path needs one number, the time to the event, so samples of it
follow from the chances alone: they are evenly spread quantiles of that time, in an order drawn
once. Rungs are sampled each for itself.

References
----------
.. [1] Consortium of Infectious Disease Modeling Hubs, https://github.com/hubverse-org/schemas and
   https://docs.hubverse.io.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from durability.errors import InputError, Problem, quoted
from durability.files import write_whole
from durability.forecast_ledger import LEDGER, LedgerLine
from durability.ledger_scores import horizon_end, verified_lines
from durability.vocabulary import RUNGS
from durability.wording import RUNG_MEANINGS, RUNG_NAMES

SCHEMA: Final = (
    "https://raw.githubusercontent.com/hubverse-org/schemas/main/v5.0.1/tasks-schema.json"
)
"""Version of the schema that ``tasks.json`` is written for."""

TASK_IDS: Final = ("origin_date", "agreement", "target", "horizon", "target_end_date")
COLUMNS: Final = (*TASK_IDS, "output_type", "output_type_id", "value")
ANSWERS: Final = ("no", "yes")
"""Categories of whether it happened; the second is that it did."""

SAMPLES: Final = 100
"""Paths a target: their frequencies come within half a point of the chances."""

MISSING: Final = "NA"
"""What stands where a task id does not apply."""

TEAM: Final = "durability"

_WORD: Final = re.compile(r"[A-Za-z0-9_]{1,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HubExport:
    """What was written.

    Parameters
    ----------
    tasks : Path
    tables : tuple of Path
        One a cutoff, oldest first.
    left_out : mapping of int to str
        By the number of a forecast, why it is not in them: it failed its checks, or a later one of
        the same case, model and cutoff that passed stands for it.
    """

    tasks: Path
    tables: tuple[Path, ...]
    left_out: Mapping[int, str]


def export_hub(
    folder: str | Path, *, ledger: str | Path = LEDGER, team: str = TEAM, samples: int = SAMPLES
) -> HubExport:
    """Write the forecasts of a ledger as a modeling hub keeps them.

    Of several forecasts of one case by one model at one cutoff the last recorded that passed its
    checks is written: a hub takes one submission a round. Forecasts that failed are left out.

    Parameters
    ----------
    folder : str or Path
        The hub's; files of the same names are replaced.
    ledger : str or Path
        Verified before anything is read from it.
    team : str
        First part of the model's id: letters, digits and ``_``.
    samples : int
        Paths a target, 1 or more.

    Returns
    -------
    HubExport

    Raises
    ------
    InputError
        The ledger does not hold or has no forecast that passed, or the name of a team cannot be
        one.
    WriteError
        A file cannot be written.
    """
    if not _WORD.fullmatch(team):
        allowed = "at most 32 letters, digits and _: a hub divides team and model by -"
        raise InputError([Problem(where="team", found=quoted(team), allowed=allowed)])
    lines = verified_lines(ledger)
    kept = {_round(each): each for each in lines if each.entry["verdict"]["ok"]}
    if not kept:
        found = "no forecast that passed its checks" if lines else "no forecast"
        allowed = "record one with --record"
        raise InputError([Problem(where=str(ledger), found=found, allowed=allowed)])
    root = Path(folder)
    tables = []
    for model, cutoff in sorted({key[:2] for key in kept}, key=lambda key: (key[1], key[0])):
        chosen = [line for key, line in sorted(kept.items()) if key[:2] == (model, cutoff)]
        name = f"{team}-{model}"
        path = root / "model-output" / name / f"{cutoff}-{name}.csv"
        write_whole(path, _csv(hub_rows(chosen, samples=samples)))
        tables.append(path)
    tasks = root / "hub-config" / "tasks.json"
    write_whole(tasks, _json(hub_tasks(list(kept.values()), samples=samples)))
    used = {line.sequence for line in kept.values()}
    return HubExport(
        tasks=tasks,
        tables=tuple(tables),
        left_out={line.sequence: _why_not(line) for line in lines if line.sequence not in used},
    )


def _round(line: LedgerLine) -> tuple[str, str, str]:
    """Give what a hub takes one submission of: the model, the cutoff and the case."""
    return line.entry["model"], line.entry["cutoff"], line.entry["case"]


def _why_not(line: LedgerLine) -> str:
    verdict = line.entry["verdict"]
    if verdict["ok"]:
        return "a later one of the same case and cutoff stands for it"
    return f"it failed its checks: {'; '.join(verdict['reasons']) or 'no reason was recorded'}"


def hub_rows(lines: Sequence[LedgerLine], *, samples: int = SAMPLES) -> Iterator[dict[str, Any]]:
    """Give the rows of a table, a mapping by :data:`COLUMNS` each.

    Parameters
    ----------
    lines : sequence of LedgerLine
        One a case, of one cutoff.
    samples : int

    Yields
    ------
    dict
    """
    first = 1
    for line in lines:
        for rung in RUNGS:
            yield from _marginal_rows(line.entry, rung)
            yield from _sample_rows(line, rung, samples, first)
            first += samples


def hub_tasks(lines: Sequence[LedgerLine], *, samples: int = SAMPLES) -> dict[str, Any]:
    """Give the configuration of a hub that takes these forecasts: what ``tasks.json`` holds.

    Parameters
    ----------
    lines : sequence of LedgerLine
    samples : int

    Returns
    -------
    dict
    """
    late = max(_days_late(line) for line in lines)
    cutoffs = sorted({line.entry["cutoff"] for line in lines})
    cases = sorted({line.entry["case"] for line in lines})
    months = sorted({int(m) for line in lines for m in line.entry["breakdown"]["breakdown"]})
    ends = sorted(
        {
            horizon_end(dt.date.fromisoformat(line.entry["cutoff"]), month).isoformat()
            for line in lines
            for month in months
        }
    )
    shared = {"origin_date": _optional(cutoffs), "agreement": _optional(cases)}
    return {
        "schema_version": SCHEMA,
        "rounds": [
            {
                "round_id_from_variable": True,
                "round_id": "origin_date",
                "model_tasks": [
                    _status_task(shared, months, ends, samples),
                    *(_time_task(shared, rung, months) for rung in RUNGS),
                ],
                "submissions_due": {"relative_to": "origin_date", "start": 0, "end": late},
                "file_format": ["csv"],
            }
        ],
        "output_type_id_datatype": "character",
        "derived_task_ids": ["target_end_date"],
    }


def time_target(rung: str) -> str:
    """Name the target that is the time to a rung.

    Examples
    --------
    >>> time_target("war")
    'months to war'
    """
    return f"months to {rung}"


def _marginal_rows(entry: Mapping[str, Any], rung: str) -> Iterator[dict[str, Any]]:
    cutoff = dt.date.fromisoformat(entry["cutoff"])
    told = {"origin_date": entry["cutoff"], "agreement": entry["case"]}
    for months, chance in _chances(entry, rung):
        where = {
            **told,
            "target": rung,
            "horizon": months,
            "target_end_date": horizon_end(cutoff, months).isoformat(),
            "output_type": "pmf",
        }
        # The two must add up to one as they are written, not only as they are computed.
        yields = (round(1.0 - chance, 12), round(chance, 12))
        for answer, value in zip(ANSWERS, yields, strict=True):
            yield {**where, "output_type_id": answer, "value": value}
    for months, chance in _chances(entry, rung):
        yield {
            **told,
            "target": time_target(rung),
            "horizon": MISSING,
            "target_end_date": MISSING,
            "output_type": "cdf",
            "output_type_id": str(months),
            "value": round(chance, 12),
        }


def _sample_rows(line: LedgerLine, rung: str, samples: int, first: int) -> Iterator[dict[str, Any]]:
    """Give paths over horizons: evenly spread quantiles of the time to the event, in any order."""
    import numpy as np

    entry = line.entry
    cutoff = dt.date.fromisoformat(entry["cutoff"])
    levels = (np.arange(samples) + 0.5) / samples
    # The order is drawn from the forecast's own hash: the same each time, and no other's.
    rng = np.random.default_rng([int(line.hash[:15], 16), RUNGS.index(rung)])
    shuffled = rng.permutation(levels)
    for months, chance in _chances(entry, rung):
        for place, level in enumerate(shuffled):
            yield {
                "origin_date": entry["cutoff"],
                "agreement": entry["case"],
                "target": rung,
                "horizon": months,
                "target_end_date": horizon_end(cutoff, months).isoformat(),
                "output_type": "sample",
                "output_type_id": str(first + place),
                "value": int(level < chance),
            }


def _chances(entry: Mapping[str, Any], rung: str) -> list[tuple[int, float]]:
    """Give a rung's chance by horizon, nearest first, without what rounding made fall."""
    found, highest = [], 0.0
    for months in sorted(entry["breakdown"][rung], key=int):
        highest = max(highest, float(entry["breakdown"][rung][months]["mean"]))
        found.append((int(months), highest))
    return found


def _status_task(
    shared: Mapping[str, Any], months: Sequence[int], ends: Sequence[str], samples: int
) -> dict[str, Any]:
    """Whether each rung has happened by a horizon: pmf and samples."""
    return {
        "task_ids": {
            **shared,
            "target": _optional(list(RUNGS)),
            "horizon": _optional(list(months)),
            "target_end_date": _optional(list(ends)),
        },
        "output_type": {
            "pmf": {
                "output_type_id": {"required": list(ANSWERS)},
                "value": {"type": "double", "minimum": 0, "maximum": 1},
                "is_required": True,
            },
            "sample": {
                "output_type_id_params": {
                    "type": "integer",
                    "min_samples_per_task": samples,
                    "max_samples_per_task": samples,
                    "compound_taskid_set": ["origin_date", "agreement", "target"],
                },
                "value": {"type": "integer", "minimum": 0, "maximum": 1},
                "is_required": False,
            },
        },
        "target_metadata": [
            {
                "target_id": rung,
                "target_name": f"{RUNG_NAMES[rung]} by the horizon",
                "target_units": "probability",
                "target_keys": {"target": rung},
                "description": f"{RUNG_MEANINGS[rung]}, after the origin date and by its horizon",
                "target_type": "binary",
                "is_step_ahead": True,
                "time_unit": "month",
            }
            for rung in RUNGS
        ],
    }


def _time_task(shared: Mapping[str, Any], rung: str, months: Sequence[int]) -> dict[str, Any]:
    """How long until a rung: its distribution at the horizons."""
    return {
        "task_ids": {
            **shared,
            "target": {"required": None, "optional": [time_target(rung)]},
            "horizon": {"required": None, "optional": None},
            "target_end_date": {"required": None, "optional": None},
        },
        "output_type": {
            "cdf": {
                "output_type_id": {"required": [str(month) for month in months]},
                "value": {"type": "double", "minimum": 0, "maximum": 1},
                "is_required": True,
            }
        },
        "target_metadata": [
            {
                "target_id": time_target(rung),
                "target_name": f"Months to {RUNG_NAMES[rung].lower()}",
                "target_units": "months",
                "target_keys": {"target": time_target(rung)},
                "description": f"{RUNG_MEANINGS[rung]}, counted from the day after the origin date",
                "target_type": "continuous",
                "is_step_ahead": False,
            }
        ],
    }


def _optional(values: Sequence[Any]) -> dict[str, Any]:
    return {"required": None, "optional": list(values)}


def _days_late(line: LedgerLine) -> int:
    """Days between a forecast's cutoff and its recording; a hub must still take it."""
    recorded = dt.date.fromisoformat(line.recorded[:10])
    return max((recorded - dt.date.fromisoformat(line.entry["cutoff"])).days, 0)


def _csv(rows: Iterator[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
