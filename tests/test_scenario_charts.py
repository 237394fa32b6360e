"""The plot of scenarios says what the record says."""

from __future__ import annotations

from conditioned import conditioned, conditioned_fit

from durability.comparing import scenarios
from durability.scenario_charts import differences
from durability.scenario_records import comparison_record
from durability.statements import Scenario
from durability.wording import moved_points


def test_every_scenario_has_its_row_with_its_number() -> None:
    told = [
        Scenario(name="Opened <b>", settings=("corridor=open@2027-01",)),
        Scenario(name="Held", verb="intervening", pins={"corridor": 2.0}),
    ]
    record = comparison_record(scenarios(conditioned_fit(75), told, case=conditioned()))
    panel = differences(record)
    for answer in record["scenarios"]:
        number = moved_points(answer["difference"]["breakdown"]["24"])
        assert f"{answer['name']} {number} points" in panel.alt
        assert number in panel.svg
    assert "Opened &lt;b&gt; (observing)" in panel.svg
    assert "as things come" in panel.alt
