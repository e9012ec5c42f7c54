"""Random trees of every kind that Falco's form can print and the parser read back, whatever fields they name.

What the form can't say, by its own rules, and is therefore not made here:
an empty value prints as nothing; parentheses, commas and vertical tabs alone bring no quotes around a value, nor
brackets around an argument; a quoted text can't end with a backslash; `not not x` is read as x, and `(x)` too;
a macro named `not` is a negation.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ecsaudit.engine import nodes
from ecsaudit.engine.words import LIST_OPERATORS, MODIFIERS, NUMBER_OPERATORS, SYMBOL_OPERATORS, TRANSFORMERS
from ecsaudit.engine.words import WORD_OPERATORS as TEXT_OPERATORS

# Positions are not compared: a tree that was not read has none.
AT = st.just(0)
QUOTED = set(" =\b\f\n\r\t\\\"'")
WORDS = [
    "a",
    "not",
    "and",
    "oneof",
    "exists",
    "5",
    "0x1F",
    "<NA>",
    "a.b",
    "ct.name",
    "{x}",
    "[",
    "é",
    "😀",
    "\xa0",
    "$%",
]
ODD = st.text(st.sampled_from("ab \\\"'=\n\t\r\b\fé(),[]\v\0"), min_size=1, max_size=5) | st.text(
    min_size=1, max_size=4
)


def is_closed(text: str) -> bool:
    return not text.endswith("\\")


def is_value(text: str) -> bool:
    return is_closed(text) and (bool(set(text) & QUOTED) or not set(text) & set("(),\v"))


def is_argument(text: str) -> bool:
    return is_closed(text) and (bool(set(text) & QUOTED) or not set(text) & set("[]\v"))


texts = st.sampled_from(WORDS) | ODD.filter(is_value)
# Without its quotes a text among a transformer's arguments would be a field.
quoted_texts = ODD.filter(lambda text: is_value(text) and bool(set(text) & QUOTED))
numbers = st.sampled_from(["0", "5", "-1", "+7", "1.", "1.50", "1e+5", "1.5E-3", "0x0", "0Xff", "00"])
names = st.sampled_from(["a", "B9", "c_d", "and", "or", "in", "exists", "tolower", "nothing", "oneof"])
field_names = st.lists(names, min_size=2, max_size=4).map(".".join)
arguments = st.none() | st.just("") | st.sampled_from(["0", "/a/b~1", "a,(b)=", "x y"]) | ODD.filter(is_argument)
fields = st.builds(nodes.Field, field_names, arguments, AT)


def functions(inner: Any) -> Any:
    items = st.lists(inner.filter(lambda one: not isinstance(one, nodes.TransformerList)), max_size=3).map(tuple)
    lists = st.builds(nodes.TransformerList, items, AT)
    several = st.lists(inner | lists, min_size=1, max_size=3).map(tuple)
    return st.builds(nodes.Transformer, st.sampled_from(TRANSFORMERS), several, arguments, AT)


constants = st.builds(nodes.Value, quoted_texts | numbers, AT)
transformers = st.recursive(functions(fields | constants), lambda inner: functions(inner | fields), max_leaves=4)
vals = st.builds(nodes.Transformer, st.just("val"), st.tuples(fields), arguments, AT)
lefts = fields | transformers
values = st.builds(nodes.Value, texts, AT)
lists = st.builds(nodes.ListValue, st.lists(texts, max_size=4).map(tuple), AT)
# A list without parentheses is one name; before `and` and `or` a modifier is itself the value.
named = st.builds(nodes.Value, names, AT)
named_after_modifier = named.filter(lambda value: value.text not in ("and", "or"))


def comparisons(operators: tuple[str, ...], right: Any, modifiers: Any = None) -> Any:
    modifier = st.none() if modifiers is None else modifiers
    return st.builds(nodes.Comparison, lefts, st.sampled_from(operators), modifier, right, AT)


checks = st.one_of(
    st.builds(nodes.Identifier, names, AT),
    st.builds(nodes.Exists, lefts, AT),
    comparisons(NUMBER_OPERATORS, st.builds(nodes.Value, numbers, AT) | vals | transformers),
    comparisons(SYMBOL_OPERATORS + TEXT_OPERATORS, values | vals | transformers),
    comparisons(
        SYMBOL_OPERATORS + TEXT_OPERATORS,
        lists | named_after_modifier,
        st.sampled_from(MODIFIERS),
    ),
    comparisons(LIST_OPERATORS, lists | named | vals | transformers),
)


def groups(inner: Any) -> Any:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    single = inner.filter(lambda node: not isinstance(node, nodes.Not))
    return st.one_of(
        st.builds(nodes.And, several, AT), st.builds(nodes.Or, several, AT), st.builds(nodes.Not, single, AT)
    )


trees = st.recursive(checks, groups, max_leaves=6)
