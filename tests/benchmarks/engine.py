"""The engine against the mere reading of JSON: python -m tests.benchmarks.engine

One made corpus of CloudTrail records, 0 to 1,000 rules, all measured in turns on a thousand records at a time, so that
whatever else the machine does falls on all of them. Prints for each number of rules the records a second and the time
as a ratio to `orjson.loads` of the same bytes, the matches found, and whether a slow tree walk over the first records
finds the same; then how long loading 1,000 rules takes.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from statistics import median

import orjson

from ecsaudit import engine
from tests.benchmarks.corpus import made_records, made_rules
from tests.engine.tree_walk import holds

BASE = "orjson.loads"
COUNTS = (0, 30, 200, 1_000)
BLOCK = 1_000  # records measured in turns


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--walked", type=int, default=2_000, help="records for the tree walk (default: 2,000)")
    options = parser.parse_args()
    records = made_records(options.records)
    rule_sets = {count: loaded(made_rules(count)) for count in COUNTS}
    size = sum(map(len, records)) / len(records)
    print(f"{len(records):,} records of {size:,.0f} bytes; {options.rounds} rounds")
    times = measure(records, rule_sets, options.rounds)
    report(BASE, times, len(records))
    for count, rule_set in rule_sets.items():
        report(f"{count:,} rules", times, len(records))
        found = [[match.rule for match in rule_set.evaluate(record)] for record in records]
        walked = [walk(rule_set, record) for record in records[: options.walked]]
        print(f"    {sum(map(len, found)):,} matches; the walk over {len(walked):,} records ", end="")
        print("agrees" if walked == found[: options.walked] else "DISAGREES")
    loads = [timed(lambda: loaded(made_rules(1_000))) for _ in range(3)]
    print(f"loading 1,000 rules: {median(loads):.2f} s")


def loaded(text: str) -> engine.RuleSet:
    result = engine.load_rules([("made.yaml", text)])
    assert result.ok, result.errors[:3]
    return result.rule_set


def measure(records: Sequence[bytes], rule_sets: dict[int, engine.RuleSet], rounds: int) -> dict[str, float]:
    """Seconds for all records, by what was measured: of each thousand records the best round counts."""
    runs: dict[str, Callable[[bytes], object]] = {BASE: orjson.loads}
    runs |= {f"{count:,} rules": rule_set.evaluate for count, rule_set in rule_sets.items()}
    seconds = dict.fromkeys(runs, 0.0)
    for start in range(0, len(records), BLOCK):
        block = records[start : start + BLOCK]
        best = dict.fromkeys(runs, float("inf"))
        for _ in range(rounds):
            for name, run in runs.items():
                best[name] = min(best[name], timed(lambda: through(run, block)))  # noqa: B023
        for name, duration in best.items():
            seconds[name] += duration
    return seconds


def through(run: Callable[[bytes], object], records: Sequence[bytes]) -> None:
    for record in records:
        run(record)


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def report(name: str, seconds: dict[str, float], records: int) -> None:
    ratio = seconds[name] / seconds[BASE]
    print(f"{name:>14}: {records / seconds[name]:>10,.0f} records/s  {ratio:.2f} x {BASE}")


def walk(rule_set: engine.RuleSet, record: bytes) -> list[str]:
    return [rule.name for rule in rule_set.rules if holds(rule.condition.tree, record)]


if __name__ == "__main__":
    main()
