"""The plots: quiet, sound, the same every time, and nothing left behind."""

from __future__ import annotations

import itertools
import re
import warnings
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_example import example_forecast, example_record

from durability import chain_plots, charts, check_charts, plots, rival_charts
from durability.blocks import Panel
from durability.vocabulary import DRIVERS, RUNGS, STREAMS

RECORD = example_record()


def every_panel(record: dict[str, Any]) -> list[Panel]:
    return [
        charts.survival_fan(record),
        *(charts.rung_survival(record, rung) for rung in RUNGS),
        charts.hazard(record),
        *(charts.driver_path(record, driver) for driver in DRIVERS),
        *charts.decomposition(record),
        *(charts.effects(record, stream) for stream in STREAMS),
        charts.sensitivities(record, "24"),
        rival_charts.chances_by_set(record),
        *(check_charts.kaplan_meier(record, rung, "model") for rung in RUNGS),
        *(check_charts.kaplan_meier(record, rung, "prior_model") for rung in RUNGS),
        check_charts.ratings(record),
        check_charts.ladder(record),
        *(check_charts.pareto_k(record, name) for name in ("outcomes", "events")),
    ]


@pytest.fixture(scope="module")
def panels() -> list[Panel]:
    return every_panel(RECORD)


def test_every_plot_is_wellformed_and_has_words(panels: list[Panel]) -> None:
    for panel in panels:
        root = ET.fromstring(panel.svg)
        assert root.tag == "svg"
        assert root.get("viewBox", "").startswith("0 0 400 ")
        assert len(panel.alt) > 40
        assert re.search(r"\d", panel.alt), panel.alt


def test_plots_carry_no_fixed_ink_so_that_dark_pages_can_turn_them(panels: list[Panel]) -> None:
    for panel in panels:
        assert not re.search(r"#[0-9a-f]{6}\b", panel.svg), panel.title
        assert "font-family" not in panel.svg


def test_plots_carry_no_date_no_style_sheet_and_no_metadata(panels: list[Panel]) -> None:
    for panel in panels:
        assert "<style" not in panel.svg
        assert "metadata" not in panel.svg
        assert "http" not in panel.svg


def test_identifiers_are_unique_over_all_plots(panels: list[Panel]) -> None:
    found = [name for panel in panels for name in re.findall(r'\bid="([^"]+)"', panel.svg)]
    assert len(found) == len(set(found))


def test_every_reference_inside_a_plot_is_to_itself(panels: list[Panel]) -> None:
    for panel in panels:
        defined = set(re.findall(r'\bid="([^"]+)"', panel.svg))
        used = re.findall(r'(?:url\(#|href="#)([^)"]+)', panel.svg)
        assert set(used) <= defined


def test_no_text_of_a_plot_stands_outside_it(panels: list[Panel]) -> None:
    for panel in panels:
        root = ET.fromstring(panel.svg)
        height = float(root.get("viewBox", "").split()[3])
        for text in root.iter("text"):
            assert 0 <= float(text.get("x", "0")) <= 400, (panel.title, text.text)
            assert 0 < float(text.get("y", "0")) <= height, (panel.title, text.text)


def test_the_same_record_gives_the_same_drawing(panels: list[Panel]) -> None:
    assert every_panel(RECORD) == panels


def test_threads_do_not_disturb_each_other(panels: list[Panel]) -> None:
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda _: charts.driver_path(RECORD, "trust"), range(8)))
    assert {panel.svg for panel in drawn} == {charts.driver_path(RECORD, "trust").svg}


def test_drawing_leaves_the_settings_of_matplotlib_alone() -> None:
    with matplotlib.rc_context({"font.size": 31.0, "svg.fonttype": "path"}):
        charts.hazard(RECORD)
        assert matplotlib.rcParams["font.size"] == 31.0
        assert matplotlib.rcParams["svg.fonttype"] == "path"


def test_a_users_style_does_not_change_the_report() -> None:
    plain = charts.hazard(RECORD).svg
    with matplotlib.rc_context({"axes.facecolor": "black", "text.usetex": True}):
        assert charts.hazard(RECORD).svg == plain


def test_no_figure_stays_open() -> None:
    import matplotlib.pyplot as plt

    tree = example_forecast().tree
    data = chain_plots.chosen_parameters(tree, RECORD)
    assert data is not None
    chain_plots.trace_panels(data, tree)
    chain_plots.energy_panels(tree)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    "text",
    [
        "$\\frac{$",
        "<b>&amp;",
        "\u0540\u0561\u0575\u0561\u057d\u057f\u0561\u0576",
        "停戦",
        "x" * 400,
    ],
)
def test_any_text_can_be_drawn_without_a_warning(text: str) -> None:
    record = example_record()
    record["sensitivities"][0]["name"] = text
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        panel = charts.sensitivities(record, "24")
    words = "".join(ET.fromstring(panel.svg).itertext())
    assert text[:40] in words


def test_trust_is_drawn_as_minus_its_pressure() -> None:
    path = RECORD["drivers"]["trust"]
    shown = charts.shown_path(path, "trust")
    assert shown["mean"][7] == -path["mean"][7]
    assert shown["low"][7] == -path["high"][7]
    assert shown["high"][7] == -path["low"][7]
    assert charts.shown_path(path, "corridor")["low"] == path["low"]


def test_a_rating_of_trust_is_turned_too() -> None:
    marks = charts.marked_items(RECORD, "trust")
    place, shown, item = marks[0]
    assert shown == -np.mean(list(item["ratings"].values()))
    assert RECORD["drivers"]["trust"]["months"][place] == item["date"][:7]


def test_unused_items_are_not_marked() -> None:
    marked = {item["id"] for d in DRIVERS for _, _, item in charts.marked_items(RECORD, d)}
    assert marked == {item["id"] for item in RECORD["news"] if item["used"]}


def test_numbered_items_stand_apart_and_are_the_salient_ones() -> None:
    marks = charts.marked_items(RECORD, "trust")
    chosen = charts.numbered_items(marks)
    places = [place for place, _, _ in chosen]
    assert all(b - a >= 4 for a, b in itertools.pairwise(places))
    assert max(m[2]["salience"] for m in chosen) == max(m[2]["salience"] for m in marks)


def test_the_fan_says_its_end_in_words() -> None:
    alt = charts.survival_fan(RECORD).alt
    assert "falls from 100% to 81%" in alt
    assert "90% interval 65% to 93% at the end" in alt


def test_a_survival_curve_is_read_as_a_step() -> None:
    curve = {"age_years": [1.0, 2.0, 4.0], "survival": [0.9, 0.7, 0.4]}
    read = [check_charts.value_at(curve, t, "survival") for t in (0.5, 1, 3.9, 4, 4.1)]
    assert read == [1.0, 0.9, 0.7, 0.4, None]


@given(st.lists(st.floats(-5, 15), min_size=1, max_size=6), st.floats(0.1, 2.0, exclude_min=True))
def test_spread_labels_keep_their_order_distance_and_frame(values: list[float], gap: float) -> None:
    placed = plots.spread(values, gap, (0.0, 10.0))
    order = np.argsort(values, kind="stable")
    moved = np.array(placed)[order]
    assert (np.diff(moved) >= gap - 1e-9).all()
    assert moved[-1] <= 10.0
    assert moved[0] >= -1e-9


def test_the_worst_parameters_of_the_verdict_are_shown_first() -> None:
    tree = example_forecast().tree
    data = chain_plots.chosen_parameters(tree, RECORD)
    assert data is not None
    shown = [str(name) for name in data["parameter"].values]
    assert shown[:2] == ["beta[war, trust]", "tau"]
    assert len(shown) == chain_plots.PARAMETERS_SHOWN
    expected = tree["posterior"]["beta"].sel(stream="war", driver="trust").values
    np.testing.assert_array_equal(data["value"][..., 0].values, expected)


def test_a_parameter_that_never_moves_is_not_shown() -> None:
    record = example_record()
    record["verdict"]["checks"][0]["worst"] = "fixed"
    data = chain_plots.chosen_parameters(example_forecast().tree, record)
    assert data is not None
    assert "fixed" not in data["parameter"].values


def test_the_summary_is_that_of_arviz() -> None:
    import arviz_stats

    tree = example_forecast().tree
    data = chain_plots.chosen_parameters(tree, RECORD)
    assert data is not None
    row = chain_plots.summary_rows(data)[1]
    draws = tree["posterior"]["tau"]
    assert row[3] == f"{float(arviz_stats.rhat(draws.to_dataset(name='tau'))['tau']):.3f}"
    assert row[1] == f"{float(draws.mean()):.3g}"


def test_chain_plots_are_the_same_twice() -> None:
    tree = example_forecast().tree
    data = chain_plots.chosen_parameters(tree, RECORD)
    assert data is not None
    for draw in (chain_plots.rank_panels, chain_plots.trace_panels, chain_plots.ess_panels):
        assert draw(data, tree) == draw(data, tree)
    assert chain_plots.energy_panels(tree) == chain_plots.energy_panels(tree)
