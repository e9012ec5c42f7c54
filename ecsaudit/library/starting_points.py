"""What the editor begins with: a new item, a copy of another, or the beginning of an overlay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ecsaudit import engine
from ecsaudit.library.models import Kind, Layer, Version

_NEW = {
    Kind.RULE: """- rule: {name}
  desc: What it finds, and why that matters.
  condition: exec_call and succeeded
  output: Somebody did it (user=%ct.user IP=%ct.srcip cluster=%ecs.cluster command=%ecs.command)
  priority: WARNING
  tags: [aws, aws_ecs_exec, MITRE_T1609_container_administration_command]
  source: aws_cloudtrail
""",
    Kind.MACRO: "- macro: {name}\n  condition: ct.user in (alice, bob)\n",
    Kind.LIST: "- list: {name}\n  items: [alice, bob]\n",
}
_NAMES = {Kind.RULE: "My rule", Kind.MACRO: "my_macro", Kind.LIST: "my_list"}


@dataclass(frozen=True, slots=True)
class Start:
    """One way to begin an overlay: its name in addresses, its label, and its text."""

    key: str
    label: str
    text: str


def new_text(kind: str) -> str:
    return _NEW[Kind(kind)].format(name=_NAMES[Kind(kind)])


def copy_name(kind: str, name: str) -> str:
    return f"{name} (copy)" if kind == Kind.RULE else f"{name}_copy"


def copied(versions: Sequence[Version], kind: str, name: str) -> str:
    """The texts in force of an item, an overlay behind what it stands on, under a name of their own."""
    texts = [
        each.text for layer in (Layer.SHIPPED, Layer.OWN, Layer.OVERLAY) for each in versions if each.layer == layer
    ]
    return engine.renamed("\n".join(texts), kind, name, copy_name(kind, name))


def overlay_starts(kind: str, name: str, rule: engine.Rule | None) -> list[Start]:
    """How an overlay can begin, the usual way first. They change nothing until they are edited, where that is possible."""
    head = f"- {kind}: {json.dumps(name, ensure_ascii=False)}\n"
    if kind == Kind.LIST:
        return [
            Start("add", "Add items", f"{head}  items: []\n  override:\n    items: append\n"),
            Start("replace", "Replace the items", f"{head}  items: []\n  override:\n    items: replace\n"),
        ]
    if kind == Kind.MACRO:
        return [
            Start(
                "add",
                "Add to the condition",
                f"{head}  condition: and evt.num exists\n  override:\n    condition: append\n",
            ),
            Start(
                "replace",
                "Replace the condition",
                f"{head}  condition: evt.num exists\n  override:\n    condition: replace\n",
            ),
        ]
    priority = rule.priority.upper() if rule else "WARNING"
    exceptions = (
        "  exceptions:\n    - name: known_people\n      fields: [ct.user]\n      comps: [in]\n      values:\n"
        "        - [[deploy-bot]]\n  override:\n    exceptions: append\n"
    )
    return [
        Start(
            "narrow",
            "Narrow the condition",
            f"{head}  condition: and not ct.user in (deploy-bot)\n  override:\n    condition: append\n",
        ),
        Start("exceptions", "Add an exception", head + exceptions),
        Start(
            "condition",
            "Replace the condition",
            f"{head}  condition: exec_call and succeeded\n  override:\n    condition: replace\n",
        ),
        Start("priority", "Change the priority", f"{head}  priority: {priority}\n  override:\n    priority: replace\n"),
        Start(
            "output", "Replace the output", f"{head}  output: Found (user=%ct.user)\n  override:\n    output: replace\n"
        ),
        Start("tags", "Add tags", f"{head}  tags: [our_own_tag]\n  override:\n    tags: append\n"),
    ]
