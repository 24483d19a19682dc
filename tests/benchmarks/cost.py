"""What a month of the lake costs at three scales, from counted calls and a table of prices. Writes its page.

Pure: it calls nothing. Counts, assumptions, prices and their sources stand in cost.yaml.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.cloudformation.templates import load_template
from pipeline.lake.routing import TOGETHER

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "cost.md"
TEXT = Path(__file__).with_name("cost.md")
MODEL: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())

MINUTES_A_DAY = 1440
SECONDS_A_DAY = 86400
STAGES = {"Route": "stage_a", "Transform": "stage_a", "Complete": "stage_a", "Poll": "stage_b", "Commit": "stage_b"}
STAGE_A_UNITS = ("route", "group", "bundle", "object")
# An object that comes alone: what the calls of our Stage A are averaged over.
A_GROUP = {"route": 1.0, "group": 1.0, "bundle": 1.0, "object": 1.0}
# Which of the bill's lines a price belongs to.
LINES = {
    "transition": "Step Functions", "invocation": "Lambda", "gb_second": "Lambda", "dpu_hour": "Glue jobs",
    "glue_catalog": "Glue catalog", "dynamodb_write": "DynamoDB", "dynamodb_read": "DynamoDB",
    "s3_write": "S3 requests", "s3_read": "S3 requests", "sqs": "SQS", "schedule": "Scheduler",
    "kms_request": "KMS", "kms_key": "KMS", "alarm": "CloudWatch", "metric": "CloudWatch", "dashboard": "CloudWatch",
    "trace": "X-Ray",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scenario:
    """So many objects a day and how the lake is configured for them; times in minutes, `window` in seconds."""

    name: str
    objects: int
    datasets: int
    schedule: float
    min_objects: int
    max_objects: int
    max_wait: float
    window: float
    messages: int

    @property
    def per_batch(self) -> float:
        """Objects in a batch: what came since the last poll, or since enough or long enough waited."""
        per_minute = self.objects / self.datasets / MINUTES_A_DAY
        wait = max(self.schedule, min(self.max_wait, self.min_objects / per_minute))
        return min(self.max_objects, max(1.0, per_minute * wait))

    @property
    def most(self) -> float:
        """Objects a day that can be loaded: a dataset has one batch at a time, which a poll has to find ended."""
        apart = math.ceil(_glue_minutes(self.max_objects) / self.schedule) * self.schedule
        return MINUTES_A_DAY / apart * self.max_objects * self.datasets

    def units(self) -> dict[str, float]:
        """How often a month each thing happens that `counts` knows."""
        days = MODEL["assumed"]["days"]
        together = min(self.messages, max(1.0, self.objects / SECONDS_A_DAY * self.window))
        route = self.objects / together
        groups = route * min(self.datasets, together)
        loaded = min(self.objects, self.most)
        a_day = {
            "route": route,
            "group": groups,
            "bundle": groups * math.ceil(self.objects / groups / TOGETHER),
            "object": self.objects,
            "poll": self.datasets * MINUTES_A_DAY / self.schedule,
            "batch": loaded / self.per_batch,
            "batch_object": loaded,
        }
        return {name: count * days for name, count in a_day.items()}


SCENARIOS = [Scenario(**each) for each in MODEL["scenarios"]]


def _glue_minutes(objects: float) -> float:
    minutes = MODEL["assumed"]["glue_minutes"]
    return float(minutes["transform"] + minutes["quality"] + minutes["per_object"] * objects)


def _memory_gb() -> dict[str, float]:
    templates = {stem: load_template(ROOT / "definitions" / "stacks" / f"{stem}.yaml") for stem in set(STAGES.values())}
    return {
        name: templates[stem]["Resources"][f"{name}Function"]["Properties"]["MemorySize"] / 1024
        for name, stem in STAGES.items()
    }


def _dpus() -> float:
    """G.1X is one DPU a worker."""
    parameters = load_template(ROOT / "definitions" / "stacks" / "stage_b.yaml")["Parameters"]
    if parameters["GlueWorkerType"]["Default"] != "G.1X":
        raise ValueError("the price of this worker type is not known here")
    return float(parameters["GlueWorkers"]["Default"])


def billed(units: Mapping[str, float]) -> Counter[str]:
    """What is charged for so many of each unit, by the names of `prices`."""
    assumed, memory = MODEL["assumed"], _memory_gb()
    found: Counter[str] = Counter()
    seconds = units.get("object", 0.0) * assumed["seconds_of_transform_an_object"]
    found["gb_second"] += seconds * memory["Transform"]  # type: ignore[assignment]
    for unit, times in units.items():
        for what, count in MODEL["counts"][unit].items():
            if what in memory:
                found["invocation"] += times * count  # type: ignore[assignment]
                found["gb_second"] += times * count * assumed["seconds"][what] * memory[what]
            elif what in assumed["units_of_write"]:
                found["dynamodb_write"] += times * count * assumed["units_of_write"][what]
            else:
                found[what] += times * count  # type: ignore[assignment]
    return found


def of_a_month(scenario: Scenario) -> Counter[str]:
    """Everything that is charged in a month."""
    units, assumed = scenario.units(), MODEL["assumed"]
    found = billed(units)
    found["dpu_hour"] += units["batch"] * _glue_minutes(scenario.per_batch) / 60 * _dpus()  # type: ignore[assignment]
    # The raw queue and one a dataset; three tables.
    stores = scenario.datasets + 1 + 3
    fives = assumed["days"] * MINUTES_A_DAY / 5
    found["kms_request"] += stores * fives * assumed["kms_requests_per_queue_or_table_and_5_minutes"]
    found["kms_key"] += assumed["kms_keys"]
    return found + _watching(scenario)


def _watching(scenario: Scenario) -> Counter[str]:
    """Alarms, metrics, dashboards and traces: what the templates declare, a dataset's once a dataset."""
    found: Counter[str] = Counter()
    for path in sorted((ROOT / "definitions" / "stacks").glob("*.yaml")):
        types = Counter(each["Type"] for each in load_template(path)["Resources"].values())
        times = scenario.datasets if path.stem == "dataset" else 1
        found["alarm"] += times * types["AWS::CloudWatch::Alarm"]
        found["dashboard"] += times * types["AWS::CloudWatch::Dashboard"]
    assumed = MODEL["assumed"]
    found["metric"] += scenario.datasets * assumed["metrics_a_dataset"]
    routed = scenario.units()["route"]
    first = min(routed, assumed["days"] * SECONDS_A_DAY * assumed["traced"]["a_second"])
    found["trace"] += first + (routed - first) * assumed["traced"]["of_the_rest"]
    return found


def dollars(charged: Mapping[str, float]) -> Counter[str]:
    """The bill, by line."""
    lines: Counter[str] = Counter()
    for what, count in charged.items():
        price = MODEL["prices"][what]
        lines[LINES[what]] += count * price["usd"] / price["per"]
    return lines


def stage_a(scenario: Scenario) -> float:
    """Dollars of a month's Stage A, from S3's event to the message for Stage B."""
    units = scenario.units()
    return float(dollars(billed({unit: units[unit] for unit in STAGE_A_UNITS})).total())


def sdlf_stage_a(scenario: Scenario) -> float:
    """The same by SDLF's pattern; see `sdlf` in cost.yaml for how its calls are priced."""
    ours = billed(A_GROUP)
    bill, pattern = dollars(ours), MODEL["sdlf"]
    written = ("put", "transaction_item")
    writes = sum(times * MODEL["counts"][unit].get(what, 0) for unit, times in A_GROUP.items() for what in written)
    calls = writes + sum(ours[what] for what in ("dynamodb_read", "s3_read", "s3_write", "sqs"))
    an_object = (
        dollars({"transition": pattern["transition"]}).total()
        + pattern["invocation"] * bill["Lambda"] / ours["invocation"]
        + pattern["calls"] * (bill["DynamoDB"] + bill["S3 requests"] + bill["SQS"]) / calls
    )
    return float(scenario.units()["object"] * an_object)


def _money(usd: float) -> str:
    return f"{usd:,.0f}" if usd >= 10 else f"{usd:,.2f}"


def _table(header: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ["---"] * len(header), *rows])


def _bills() -> str:
    rows = []
    for scenario in SCENARIOS:
        bill = dollars(of_a_month(scenario))
        ours, theirs, total = stage_a(scenario), sdlf_stage_a(scenario), bill.total()
        rest = total - ours - bill["Glue jobs"]
        shown = [_money(usd) for usd in (ours, theirs, bill["Glue jobs"], rest, total, total - ours + theirs)]
        if scenario.most < scenario.objects:
            shown[2:] = ["", "", f"does not fit: {scenario.most:,.0f} a day at most", ""]
        rows.append([f"{scenario.objects:,}", scenario.name, *shown])
    header = [
        "objects a day",
        "configuration",
        "Stage A",
        "Stage A, SDLF",
        "Glue jobs",
        "the rest",
        "total",
        "total, SDLF",
    ]
    return _table(header, rows)


def _lines() -> str:
    fitting = [scenario for scenario in SCENARIOS if scenario.most >= scenario.objects]
    bills = [dollars(of_a_month(scenario)) for scenario in fitting]
    header = ["", *(f"{scenario.objects:,}, {scenario.name}" for scenario in fitting)]
    return _table(header, [[line, *(_money(bill[line]) for bill in bills)] for line in dict.fromkeys(LINES.values())])


def _configurations() -> str:
    rows = [
        [f"{s.objects:,}", s.name, str(s.datasets), f"{s.schedule:g} min", str(s.min_objects), str(s.max_objects),
         f"{s.max_wait:g} min", f"{s.window:g} s", str(s.messages), f"{s.per_batch:.0f}", f"{s.most:,.0f}"]
        for s in SCENARIOS
    ]  # fmt: skip
    header = ["objects a day", "configuration", "datasets", "schedule", "min_objects", "max_objects", "max_wait",
              "RouteBatchingWindow", "RouteBatchSize", "objects a batch", "most objects a day"]  # fmt: skip
    return _table(header, rows)


def _prices() -> str:
    rows = [
        [what, f"{p['usd']:g}", f"{p['per']:,}", str(p["seen"]), p["source"]] for what, p in MODEL["prices"].items()
    ]
    return _table(["what", "US dollars", "per", "date of the copy", "read in"], rows)


def page() -> str:
    """docs/reference/cost.md as it has to be."""
    filled = {"bills": _bills(), "lines": _lines(), "configurations": _configurations(), "prices": _prices()}
    text = TEXT.read_text().replace("REGION", MODEL["region"])
    for name, table in filled.items():
        text = text.replace(f"<!-- {name} -->", table)
    return text


def main() -> None:
    PAGE.write_text(page())
    print(_bills())


if __name__ == "__main__":
    main()
