"""ArviZ's plots of the chains: ranks, traces, effective sizes and energy.

ArviZ draws on figures made here (see :func:`_collection`) and not on pyplot's, so the plots keep
the report's style and nothing stays open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import arviz_plots
import arviz_stats  # noqa: F401  (registers the accessor .azstats)
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from durability import plots
from durability.blocks import Panel
from durability.wording import counted, number

PARAMETERS_SHOWN = 4
LARGEST_VARIABLE = 64
"""Larger variables (paths, standings of every agreement) are not searched for parameters."""
ENVELOPE = 0.99
MIN_ESS = 400
MIN_BFMI = 0.3

Record = Mapping[str, Any]


def chosen_parameters(tree: xr.DataTree, record: Record) -> xr.Dataset | None:
    """Choose a few parameters: the worst by the verdict, then effects on war, then any.

    Returns
    -------
    Dataset or None
        One variable ``value``, dims (chain, draw, parameter); None where a tree has no draws.
    """
    if "posterior" not in tree.children:
        return None
    posterior = tree["posterior"].to_dataset()
    if not {"chain", "draw"} <= set(posterior.dims):
        return None
    found = dict(_scalars(posterior))
    wanted = [str(check["worst"]) for check in record["verdict"]["checks"]]
    effects = sorted(record["effects"], key=lambda e: (e["stream"] != "war", -e["share_learned"]))
    wanted += [str(effect["parameter"]) for effect in effects]
    keys = [key for key in map(_plain, wanted) if key in found]
    chosen = list(dict.fromkeys([*keys, *found]))
    draws = [found[key] for key in chosen[: 4 * PARAMETERS_SHOWN]]
    kept = [d for d in draws if np.isfinite(d.values).all() and float(d.std()) > 0]
    if not kept:
        return None
    kept = kept[:PARAMETERS_SHOWN]
    values = np.stack([d.transpose("chain", "draw").values for d in kept], axis=-1)
    coords = {
        "chain": np.arange(values.shape[0]),
        "draw": np.arange(values.shape[1]),
        "parameter": [str(d.name) for d in kept],
    }
    return xr.Dataset({"value": (("chain", "draw", "parameter"), values)}, coords=coords)


def _plain(name: str) -> str:
    return name.replace(" ", "").replace("'", "").replace('"', "")


def _scalars(posterior: xr.Dataset) -> Iterator[tuple[str, xr.DataArray]]:
    """Give every scalar of the smaller variables, named ``beta[war, trust]``."""
    for name, draws in posterior.data_vars.items():
        others = [dim for dim in draws.dims if dim not in ("chain", "draw")]
        sizes = [draws.sizes[dim] for dim in others]
        if np.prod(sizes, dtype=int) > LARGEST_VARIABLE or not np.issubdtype(
            draws.dtype, np.number
        ):
            continue
        for place in product(*(range(size) for size in sizes)):
            scalar = draws.isel(dict(zip(others, place, strict=True)))
            labels = [
                str(draws[dim].values[i]) if dim in draws.coords else str(i)
                for dim, i in zip(others, place, strict=True)
            ]
            title = f"{name}[{', '.join(labels)}]" if labels else str(name)
            yield _plain(title), scalar.rename(title).reset_coords(drop=True)


def _collection(
    data: xr.Dataset, dim: str, aes: dict[str, list[str]], **values: Any
) -> tuple[list[Figure], Any]:
    """Give one figure for each label of `dim`, joined as ArviZ wants them."""
    labels = list(data[dim].values)
    made = [plots.canvas(180, top=14) for _ in labels]
    axes = np.empty(len(labels), dtype=object)
    axes[:] = [a for _, a in made]
    first = np.empty((), dtype=object)
    first[()] = made[0][0]
    places = {
        "figure": ((), first),
        "plot": (dim, axes),
        "row_index": (dim, np.zeros(len(labels), dtype=int)),
        "col_index": (dim, np.arange(len(labels))),
    }
    grid = xr.DataTree(xr.Dataset(places, coords={dim: labels}))
    collection = arviz_plots.PlotCollection(data, grid, aes=aes, backend="matplotlib", **values)
    return [figure for figure, _ in made], collection


def _by_chain(data: xr.Dataset) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    chains = data.sizes["chain"]
    colours = [plots.CHAIN_COLOURS[i % len(plots.CHAIN_COLOURS)] for i in range(chains)]
    return {"color": ["chain"], "overlay": ["chain"]}, {"color": colours}


def _tree(data: xr.Dataset, tree: xr.DataTree) -> xr.DataTree:
    """Join the chosen parameters with the sampler's statistics on the same coordinates."""
    groups = {"/posterior": data}
    if "sample_stats" in tree.children:
        stats = tree["sample_stats"].to_dataset()
        kept = stats[[name for name in ("diverging", "energy") if name in stats.data_vars]]
        groups["/sample_stats"] = kept.drop_vars(list(kept.coords)).assign_coords(
            chain=data["chain"], draw=data["draw"]
        )
    return xr.DataTree.from_dict(groups)


def rank_panels(data: xr.Dataset, tree: xr.DataTree) -> list[Panel]:
    """Draw how each chain's ranks differ from uniform."""
    rhat = data.azstats.rhat()["value"]

    def told(place: int, name: str) -> str:
        value = number(float(rhat[place]), 4)
        return f"Rank plot of {name}, one line a chain; R-hat {value}."

    with plots.quiet_style():
        aes, colours = _by_chain(data)
        figures, collection = _collection(data, "parameter", aes, **colours)
        arviz_plots.plot_rank(
            _tree(data, tree),
            envelope_prob=ENVELOPE,
            plot_collection=collection,
            visuals={
                "title": False,
                "xlabel": False,
                "ecdf_lines": {"width": 1.2},
            },
        )
        return _panels(figures, data, "rank", "Fractional rank", told)


def trace_panels(data: xr.Dataset, tree: xr.DataTree) -> list[Panel]:
    """Draw every draw of each chain in its order."""

    def told(place: int, name: str) -> str:
        draws = data["value"][..., place]
        means = ", ".join(number(float(m), 3) for m in draws.mean("draw"))
        return (
            f"Trace of {name}, {counted(draws.sizes['chain'], 'chain')} of "
            f"{counted(draws.sizes['draw'], 'draw')}; means by chain {means}."
        )

    with plots.quiet_style():
        aes, colours = _by_chain(data)
        figures, collection = _collection(data, "parameter", aes, **colours)
        arviz_plots.plot_trace(
            _tree(data, tree),
            plot_collection=collection,
            visuals={
                "title": False,
                "xlabel": False,
                "trace": {"width": 0.5, "alpha": 0.7},
                "divergence": {"color": plots.INK},
            },
        )
        return _panels(figures, data, "trace", "Draw", told)


def ess_panels(data: xr.Dataset, tree: xr.DataTree) -> list[Panel]:
    """Draw the effective sample size of each twentieth of the distribution."""
    lowest: dict[int, float] = {}

    def told(place: int, name: str) -> str:
        return (
            f"Local effective sample size of {name} over its quantiles; the smallest is "
            f"{number(lowest[place])}, {MIN_ESS} are wanted."
        )

    with plots.quiet_style():
        figures, collection = _collection(data, "parameter", {"overlay": ["chain"]})
        arviz_plots.plot_ess(
            _tree(data, tree),
            kind="local",
            min_ess=MIN_ESS,
            plot_collection=collection,
            visuals={
                "title": False,
                "xlabel": False,
                "ylabel": False,
                "ess": {"color": plots.BLUE, "size": 22},
                "min_ess": {"color": plots.VERMILLION, "width": 1.2},
            },
        )
        for place, figure in enumerate(figures):
            axes = figure.axes[0]
            shown = np.concatenate([np.asarray(c.get_offsets())[:, 1] for c in axes.collections])
            lowest[place] = float(np.min(shown))
            axes.set_ylim(bottom=0)
        return _panels(figures, data, "ess", "Quantile", told)


def _panels(
    figures: Sequence[Figure], data: xr.Dataset, kind: str, x_title: str, told: Any
) -> list[Panel]:
    panels = []
    for place, (figure, name) in enumerate(zip(figures, data["parameter"].values, strict=True)):
        axes = figure.axes[0]
        axes.set_xlabel(x_title, color=plots.MUTED)
        for spine in ("top", "right"):
            axes.spines[spine].set_visible(False)
        if kind in ("rank", "trace"):
            # Thousands of points: as an image inside the drawing they take a tenth of the room.
            for line in axes.lines:
                line.set_rasterized(True)
        panels.append(
            Panel(
                title=str(name),
                svg=plots.to_svg(figure, f"{kind}-{place}"),
                alt=told(place, str(name)),
            )
        )
    return panels


def energy_panels(tree: xr.DataTree) -> tuple[list[Panel], list[float]]:
    """Draw the sampler's energy, and give E-BFMI of each chain; empty where it has none."""
    if "sample_stats" not in tree.children or "energy" not in tree["sample_stats"].data_vars:
        return [], []
    energy = tree["sample_stats"].to_dataset()[["energy"]]
    chains, draws = energy.sizes["chain"], energy.sizes["draw"]
    energy = energy.drop_vars(list(energy.coords)).assign_coords(
        chain=np.arange(chains), draw=np.arange(draws)
    )
    bfmi = [float(v) for v in energy["energy"].azstats.bfmi(sample_dims=["chain", "draw"])]
    shape = (chains, draws, 2, 2)
    frame = xr.Dataset(
        {"Energy": (("chain", "draw", "energy", "column"), np.broadcast_to(0.0, shape))},
        coords={"energy": ["marginal", "transition"], "column": ["energy", "bfmi"]},
    )
    with plots.quiet_style():
        figures, collection = _collection(
            frame, "column", {"color": ["energy"]}, color=[plots.BLUE, plots.VERMILLION]
        )
        arviz_plots.plot_energy(
            xr.DataTree.from_dict({"/sample_stats": energy}),
            kind="kde",
            threshold=MIN_BFMI,
            plot_collection=collection,
            visuals={
                "title": False,
                "legend": False,
                "ylabel": False,
                "bfmi_points": {"color": plots.BLUE},
                "ref_line": {"color": plots.VERMILLION},
            },
        )
        return [_energy_panel(figures[0]), _bfmi_panel(figures[1], bfmi)], bfmi


def _energy_panel(figure: Figure) -> Panel:
    axes = figure.axes[0]
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.spines["top"].set_visible(False)
    axes.set_xlabel("Energy, centred", color=plots.MUTED)
    for y, text, colour in ((0.92, "marginal", plots.BLUE), (0.80, "transition", plots.VERMILLION)):
        axes.plot([0.02, 0.07], [y - 0.005] * 2, color=colour, transform=axes.transAxes)
        axes.text(0.085, y, text, transform=axes.transAxes, va="center")
    return Panel(
        title="Energy",
        svg=plots.to_svg(figure, "energy"),
        alt="Densities of the marginal energy and of its change between draws; the sampler "
        "explores well where they are alike.",
    )


def _bfmi_panel(figure: Figure, bfmi: Sequence[float]) -> Panel:
    axes = figure.axes[0]
    axes.set_yticks(range(len(bfmi)), [f"chain {i + 1}" for i in range(len(bfmi))])
    axes.set_ylim(len(bfmi) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel(f"E-BFMI (more than {MIN_BFMI} is wanted)", color=plots.MUTED)
    for spine in ("top", "right", "left"):
        axes.spines[spine].set_visible(False)
    values = ", ".join(number(v, 2) for v in bfmi)
    return Panel(
        title="E-BFMI",
        svg=plots.to_svg(figure, "bfmi"),
        alt=f"Dot plot of E-BFMI by chain: {values}; more than {MIN_BFMI} is wanted.",
    )


def summary_rows(data: xr.Dataset) -> list[tuple[str, ...]]:
    """Give for each chosen parameter mean, sd, R-hat, bulk and tail ESS, and MCSE, as text."""
    rhat, bulk, tail, mcse = (
        data.azstats.rhat()["value"],
        data.azstats.ess(method="bulk")["value"],
        data.azstats.ess(method="tail", prob=(0.05, 0.95))["value"],
        data.azstats.mcse(method="mean")["value"],
    )
    mean, sd = data["value"].mean(("chain", "draw")), data["value"].std(("chain", "draw"), ddof=1)
    return [
        (
            str(name),
            number(float(mean[i])),
            number(float(sd[i])),
            f"{float(rhat[i]):.3f}",
            f"{float(bulk[i]):,.0f}",
            f"{float(tail[i]):,.0f}",
            number(float(mcse[i]), 2),
        )
        for i, name in enumerate(data["parameter"].values)
    ]
