"""A library that people changed in every way that there is, and the records that show it."""

from __future__ import annotations

import json
from pathlib import Path

from ecsaudit import engine
from ecsaudit.library.models import Kind, Layer, Mode
from ecsaudit.library.services import refresh, save, switch
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
OWN = [
    (Kind.LIST, "our people", "- list: our people\n  items: [ana, 'bob smith']\n"),
    (Kind.LIST, "tools", "# Tools.\n- list: tools\n  items: [curl]\n- list: tools\n  items: [wget]\n  override:\n    items: append\n"),
    (Kind.MACRO, "zz_ours", "- macro: zz_ours\n  condition: jevt.value[/eventName] = ExecuteCommand\n"),
    (Kind.MACRO, "a_ours", "- macro: a_ours\n  condition: zz_ours and not ct.user in (our people)\n"),
    (Kind.RULE, WEIRD, OWN_RULE.format(name=json.dumps(WEIRD, ensure_ascii=False))),
    (Kind.RULE, "no", "- rule: 'no'\n  desc: d\n  condition: ct.name in (tools)\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n  enabled: false\n"),
]  # fmt: skip
OVERLAYS = [
    (Kind.LIST, "system_shells", "# Fish is a shell, too.\n- list: system_shells\n  items: [/usr/bin/fish]\n  override:\n    items: append\n"),
    (Kind.MACRO, "made_by_aws", "- macro: made_by_aws\n  condition: or ct.user = robot\n  append: true\n"),
    (
        Kind.RULE,
        "ECS Exec by Root",
        "- rule: ECS Exec by Root\n  exceptions:\n    - name: drill\n      fields: [ct.region, ct.srcip]\n      comps: [=, startswith]\n"
        "      values: [[eu-west-1, '203.0.113.']]\n  override:\n    exceptions: append\n\n"
        "# A second time.\n- rule: ECS Exec by Root\n  tags: [ours]\n  priority: CRITICAL\n  override:\n    tags: append\n    priority: replace\n",
    ),
]  # fmt: skip


def customise(author: User) -> None:
    """Own items, overlays and switches on the shipped library, which must be in force."""
    for layer, items in ((Layer.OWN, OWN), (Layer.OVERLAY, OVERLAYS)):
        for kind, name, text in items:
            save(kind=kind, name=name, layer=layer, text=text, author=author, message="because")
    off = [
        rule.name for rule in engine.load_rules([(p.name, p.read_text()) for p in shipped()]).rules if not rule.enabled
    ]
    switch(names=[SHELL, WEIRD], mode=Mode.SHADOW, author=author, message="m")
    switch(names=["Execute Command inside an ECS Container"], mode=Mode.OFF, author=author, message="m")
    switch(names=[off[0], "no"], mode=Mode.ON, author=author, message="m")


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
