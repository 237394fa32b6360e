"""The report in a real browser: quiet console, no network, no sideways scroll, accessible.

Chromium is Debian's (``apt-get install chromium``) or the one that ``DURABILITY_CHROMIUM`` names;
axe-core is the file that ``DURABILITY_AXE`` names (``npm install axe-core``). Where one is absent
the tests skip and say so, unless ``CI_REQUIRE_BROWSER=1``, which makes that a failure.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report_example import example_forecast

from durability.report import write_report

WIDTHS = {"desktop": (1280, 800), "phone": (360, 740)}
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
]


def missing(what: str) -> None:
    """Skip for want of a tool, or fail where the tools are promised."""
    if os.environ.get("CI_REQUIRE_BROWSER") == "1":
        pytest.fail(f"CI_REQUIRE_BROWSER=1, but {what}")
    pytest.skip(what)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = os.environ.get("DURABILITY_CHROMIUM", "/usr/bin/chromium")
    if not Path(path).is_file():
        missing(f"there is no Chromium at {path} (apt-get install chromium)")
    if importlib.util.find_spec("playwright") is None:
        missing("playwright is not installed (uv sync)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def axe_source() -> str:
    named = os.environ.get("DURABILITY_AXE", "")
    if not Path(named).is_file():
        missing("DURABILITY_AXE names no axe.min.js (npm install axe-core)")
    return Path(named).read_text(encoding="utf-8")


@pytest.fixture(scope="module", params=[True, False], ids=["passed", "failed"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("browser")
    written = write_report(example_forecast(ok=request.param), folder)
    return next(path for path in written if path.suffix == ".html").as_uri()


class Visit:
    """A page, with everything that it said and asked for."""

    def __init__(self, browser: Any, width: int, height: int, **options: Any) -> None:
        viewport = {"width": width, "height": height}
        self.context = browser.new_context(viewport=viewport, **options)
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.context.route(re.compile("^(https?|wss?|ftp):"), lambda route: route.abort())

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def open(self, address: str) -> Any:
        self.page.goto(address, wait_until="load")
        return self.page


def unfold(page: Any) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")


@pytest.mark.parametrize("size", WIDTHS)
def test_the_page_says_nothing_asks_for_nothing_and_does_not_scroll_sideways(
    browser: Any, address: str, size: str
) -> None:
    with Visit(browser, *WIDTHS[size]) as visit:
        page = visit.open(address)
        for _ in range(2):
            wide = page.evaluate("document.scrollingElement.scrollWidth")
            assert wide <= page.evaluate("window.innerWidth")
            unfold(page)
        assert visit.said == []
        # Images inside the page ("data:") are no requests; the page itself is the only one.
        assert [url for url in visit.asked if not url.startswith("data:")] == [address]


def test_the_answer_table_fan_and_verdict_fit_on_the_first_screen(
    browser: Any, address: str
) -> None:
    with Visit(browser, *WIDTHS["desktop"]) as visit:
        page = visit.open(address)
        # The banner of a failed verdict rightly comes first and pushes the rest down.
        page.evaluate("document.querySelector('.banner')?.remove()")
        for selector in (".answer", "#probabilities", "#fan .plot", ".verdict"):
            box = page.locator(selector).first.bounding_box()
            assert box["y"] + box["height"] <= WIDTHS["desktop"][1], selector


@pytest.mark.parametrize("width", [1000, 1060, 1100, 1280, 1600])
def test_no_column_of_the_probabilities_is_cut_off(browser: Any, address: str, width: int) -> None:
    with Visit(browser, width, 900) as visit:
        page = visit.open(address)
        held, whole = page.locator("#probabilities").evaluate(
            "table => [table.closest('.scroll').clientWidth, table.scrollWidth]"
        )
        assert whole <= held


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_axe_finds_no_serious_violation(
    browser: Any, axe_source: str, address: str, size: str, scheme: str
) -> None:
    # The page's own policy forbids scripts; axe is let past it, the page is not changed.
    with Visit(browser, *WIDTHS[size], color_scheme=scheme, bypass_csp=True) as visit:
        page = visit.open(address)
        unfold(page)
        page.evaluate(axe_source)
        found = page.evaluate("axe.run()")
        assert len(found["passes"]) > 15
        grave = [
            f"{v['id']}: {v['help']} {[n['html'][:120] for n in v['nodes'][:3]]}"
            for v in found["violations"]
            if v["impact"] in ("serious", "critical")
        ]
        assert grave == []


def test_axe_would_find_a_violation(browser: Any, axe_source: str, address: str) -> None:
    with Visit(browser, *WIDTHS["desktop"], bypass_csp=True) as visit:
        page = visit.open(address)
        page.evaluate("document.querySelector('[role=img]').removeAttribute('aria-label')")
        page.evaluate(axe_source)
        found = page.evaluate("axe.run()")
        assert "role-img-alt" in [violation["id"] for violation in found["violations"]]


def test_the_policy_of_the_page_stops_a_script(browser: Any, address: str) -> None:
    with Visit(browser, *WIDTHS["desktop"]) as visit:
        page = visit.open(address)
        page.evaluate(
            "() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
            " document.body.append(s); }"
        )
        assert page.evaluate("window.ran") is None


def test_a_keyboard_reaches_the_content_first(browser: Any, address: str) -> None:
    with Visit(browser, *WIDTHS["desktop"]) as visit:
        page = visit.open(address)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        assert page.locator(".skip").bounding_box()["x"] >= 0
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


def test_a_wide_table_scrolls_by_itself_under_the_keyboard(browser: Any, address: str) -> None:
    with Visit(browser, *WIDTHS["phone"]) as visit:
        page = visit.open(address)
        unfold(page)
        region = page.locator(".scroll:has(#news)")
        region.focus()
        page.keyboard.press("ArrowRight")
        moved = 0
        for _ in range(40):
            # Not wait_for_function: it needs eval, which the page's policy forbids.
            moved = region.evaluate("element => element.scrollLeft")
            if moved > 0:
                break
            page.wait_for_timeout(50)
        assert moved > 0


def test_it_prints_to_pdf_with_its_folded_tables(
    browser: Any, address: str, tmp_path: Path
) -> None:
    with Visit(browser, *WIDTHS["desktop"]) as visit:
        page = visit.open(address)
        page.emulate_media(media="print")
        height = page.evaluate("document.getElementById('news').getBoundingClientRect().height")
        assert height > 1000
        assert page.locator("nav").is_hidden()
        data = page.pdf(path=str(tmp_path / "report.pdf"), format="A4")
        assert data.startswith(b"%PDF")
        assert 10 <= len(re.findall(rb"/Type\s*/Page\b", data)) <= 60
        assert visit.said == []
