"""Reading codings and reconciliations: they fit the news, or are refused with file and line."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest
from worlds import item

from durability.codings import collect_codings, collect_reconciliations
from durability.errors import InputError, Problems

NEWS = (item("N1", date(2025, 8, 9)),)
CODING = {
    "item": "N1",
    "coder": "a",
    "driver": "trust",
    "score": "-3",
    "salience": "3",
    "event_key": "x",
    "confidence": "0.9",
    "why": "because",
}


def table(*rows: dict[str, str]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def test_codings_name_items_of_the_news_once_a_coder(tmp_path: Path) -> None:
    path = tmp_path / "codings.csv"
    path.write_text(table(CODING, CODING | {"coder": "b"}))
    assert [c.coder for c in collect_codings(path, NEWS, Problems())] == ["a", "b"]
    path.write_text(table(CODING, CODING, CODING | {"item": "N9", "score": "4"}))
    problems = Problems()
    collect_codings(path, NEWS, problems)
    with pytest.raises(InputError) as raised:
        problems.raise_any()
    assert len(raised.value.problems) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chosen": "corridor"}, 'driver of N1 in the news is "trust"'),
        ({"item": "N9"}, "no such item"),
        ({"field": "score"}, "must be one of event, driver, salience"),
        ({"why": ""}, "line 2, why: empty"),
    ],
)
def test_a_reconciliation_agrees_with_the_news(
    tmp_path: Path, change: dict[str, str], message: str
) -> None:
    good = dict(item="N1", field="driver", coder_a="trust", coder_b="corridor", chosen="trust")
    path = tmp_path / "reconciliations.csv"
    path.write_text(table(good | {"why": "x"}))
    assert collect_reconciliations(path, NEWS, Problems())[0].chosen == "trust"
    path.write_text(table(good | {"why": "x"} | change))
    problems = Problems()
    collect_reconciliations(path, NEWS, problems)
    with pytest.raises(InputError, match=message):
        problems.raise_any()
