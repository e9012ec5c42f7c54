"""A library that people changed in every way that there is, and the records that show it."""

from __future__ import annotations

import json
from pathlib import Path

from ecsaudit import engine
from ecsaudit.library.models import Kind, Layer, Mode, Version
from ecsaudit.library.services import Change, refresh, save_all
from ecsaudit.library.shipped import read_tests
from ecsaudit.people.models import User
from tests import records

RULES = Path(__file__).parents[2] / "rules"
SHELL = "Terminal Shell in ECS Container"
WEIRD = "- “né”: it's #1 — 'yes' \\ \"no\" {a} [b] & *c"
OWN_RULE = """# Ours, with a comment of its own.

# Right above it.
- rule: {name}
  desc: >
    Somebody listed files.
    # not a comment
  condition: zz_ours and a_ours   # behind the condition
  output: "%ct.user: %json.value[/requestParameters/command]"
  priority: NOTICE
  source: aws_cloudtrail
  tags: [ours]
# And one behind it.
"""
LIST = "# Tools.\n- list: tools\n  items: [curl]\n- list: tools\n  items: [wget]\n  override:\n    items: append\n"
NO = """- rule: 'no'
  desc: d
  condition: ct.name in (tools)
  output: o
  priority: INFO
  source: aws_cloudtrail
  enabled: false
"""
SHELLS = "# Fish is a shell, too.\n- list: system_shells\n  items: [/usr/bin/fish]\n  override:\n    items: append\n"
ROOT = """- rule: ECS Exec by Root
  exceptions:
    - name: drill
      fields: [ct.region, ct.srcip]
      comps: [=, startswith]
      values: [[eu-west-1, '203.0.113.']]
  override:
    exceptions: append

# A second time.
- rule: ECS Exec by Root
  tags: [ours]
  priority: CRITICAL
  override:
    tags: append
    priority: replace
"""
OWN = [
    Change(Kind.LIST, "our people", Layer.OWN, "- list: our people\n  items: [ana, 'bob smith']\n"),
    Change(Kind.LIST, "tools", Layer.OWN, LIST),
    Change(
        Kind.MACRO, "zz_ours", Layer.OWN, "- macro: zz_ours\n  condition: jevt.value[/eventName] = ExecuteCommand\n"
    ),
    Change(Kind.MACRO, "a_ours", Layer.OWN, "- macro: a_ours\n  condition: zz_ours and not ct.user in (our people)\n"),
    Change(Kind.RULE, WEIRD, Layer.OWN, OWN_RULE.format(name=json.dumps(WEIRD, ensure_ascii=False))),
    Change(Kind.RULE, "no", Layer.OWN, NO),
]
OVERLAYS = [
    Change(Kind.LIST, "system_shells", Layer.OVERLAY, SHELLS),
    Change(
        Kind.MACRO,
        "made_by_aws",
        Layer.OVERLAY,
        "- macro: made_by_aws\n  condition: or ct.user = robot\n  append: true\n",
    ),
    Change(Kind.RULE, "ECS Exec by Root", Layer.OVERLAY, ROOT),
]
SWITCHED = {
    SHELL: Mode.SHADOW,
    WEIRD: Mode.SHADOW,
    "Execute Command inside an ECS Container": Mode.OFF,
    "ECS Exec out of Hours": Mode.ON,  # shipped off
    "no": Mode.ON,
}


def customise(author: User) -> None:
    """Own items, overlays and switches on the shipped library, which must be in force."""
    switches = [Change(Kind.RULE, name, Layer.SWITCH, mode) for name, mode in SWITCHED.items()]
    seen = Version.objects.newest()
    save_all(changes=[*OWN, *OVERLAYS, *switches], author=author, message="because", seen=seen)


def shipped() -> list[Path]:
    return sorted(RULES.glob("*.yaml"))


def ship() -> None:
    """Take in the product's own rules; settings.RULES_DIR must be RULES."""
    assert not refresh().problems


def some_records() -> list[str]:
    """The records that the shipped rules are tried with, and those that the overlays are about."""
    fish = records.execute_command(command="/usr/bin/fish")
    root = records.execute_command(userIdentity={"type": "Root", "accountId": "111122223333"}, awsRegion="us-east-1")
    changed = [fish, root, root | {"awsRegion": "eu-west-1"}, records.denied(), records.around()]
    return list(dict.fromkeys([test.record for test in read_tests(RULES)] + [json.dumps(each) for each in changed]))


def findings(rules: engine.RuleSet, texts: list[str]) -> list[list[tuple[str, str, str, str]]]:
    """What a rule set finds in each record: rule, priority, output, tags."""
    return [
        [(match.rule, match.priority, match.output, ",".join(match.tags)) for match in rules.evaluate(text)]
        for text in texts
    ]
