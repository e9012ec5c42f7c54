from __future__ import annotations

from typing import Any

from django.template import Context, Template
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from ecsaudit import engine
from ecsaudit.web.templatetags.trees import walk

TREES = st.recursive(st.just([]), lambda inner: st.lists(inner, max_size=4), max_leaves=30)
TEMPLATE = Template(
    "{% load trees %}{% for step in node|walk %}({% if not step.opens %}){% endif %}"
    "{% for one in step.closes %}){% endfor %}{% endfor %}"
)


def node(children: list[Any]) -> dict[str, Any]:
    return {"children": [node(child) for child in children]}


def brackets(tree: dict[str, Any]) -> str:
    return f"({''.join(map(brackets, tree['children']))})"


@given(TREES)
def test_a_walk_opens_and_closes_what_the_tree_does(tree: list[Any]) -> None:
    assert TEMPLATE.render(Context({"node": node(tree)})) == brackets(node(tree))


def test_a_deep_condition_is_drawn_in_plain_words_and_explained() -> None:
    condition = "not (" * 90 + "ct.name = x" + ")" * 90
    text = f"- rule: R\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"
    (rule,) = engine.load_rules([("deep.yaml", text)]).rules
    explanation = engine.explain(rule, '{"eventName": "x"}')
    page = render_to_string("library/_explanation.html", {"node": explanation})
    assert page.count("<li") == page.count("</li>") == 91
    words = engine.plain_words(rule)
    assert render_to_string("library/_plain_words.html", {"words": words}).count("<ul>") == sum(
        s.opens for s in walk(words)
    )
