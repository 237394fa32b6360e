"""Files of scenarios: read, and refused with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from durability.branches import Tree
from durability.errors import InputError
from durability.scenario_files import read_scenarios


def written(folder: Path, text: str) -> Path:
    path = folder / "scenarios.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_scenarios_and_trees_are_read(tmp_path: Path) -> None:
    told, trees = read_scenarios(
        written(
            tmp_path,
            '[[scenario]]\nname = "One"\nset = ["a=met@2027-01"]\n\n'
            '[[scenario]]\nname = "Two"\nverb = "intervening"\npin = { trust = 1 }\n'
            'shift = { corridor = -0.5 }\nwhy = "Because."\n\n'
            '[[tree]]\nconditions = ["a", "b"]\nby = "2028-12"\n',
        )
    )
    assert [each.name for each in told] == ["One", "Two"]
    assert told[0].settings == ("a=met@2027-01",)
    assert told[0].verb == "observing"
    assert (told[1].pins, told[1].shifts) == ({"trust": 1.0}, {"corridor": -0.5})
    assert told[1].where.endswith("scenarios.toml line 5")
    where = f"{tmp_path / 'scenarios.toml'} line 12"
    assert trees == (Tree(conditions=("a", "b"), by="2028-12", where=where),)


def test_everything_wrong_is_told_with_its_line(tmp_path: Path) -> None:
    text = (
        '[[scenario]]\nset = "a=met"\nverb = "intervning"\npin = { trust = "high" }\ncolour = 1\n\n'
        '[[tree]]\nconditions = []\n\n[[forest]]\nname = "x"\n'
    )
    with pytest.raises(InputError) as caught:
        read_scenarios(written(tmp_path, text))
    told = str(caught.value)
    for part in (
        "line 1: scenario has no name",
        "line 2: scenario.set",
        'did you mean "intervening"?',
        "pin.trust",
        'unknown key "colour"',
        "tree has no by",
        'unknown key "forest"',
    ):
        assert part in told


@pytest.mark.parametrize(
    ("text", "told"), [("", "the file is empty"), ("# nothing\n", "says nothing")]
)
def test_a_file_that_says_nothing_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_scenarios(written(tmp_path, text))
