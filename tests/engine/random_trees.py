"""Random conditions that compile, as trees, over the fields and values that `random_records` makes records of."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ecsaudit.engine import nodes
from tests.engine.random_records import WORDS

AT = st.just(0)
POINTERS = (
    "/eventName eventName /awsRegion /readOnly /p /p/0 /p/+1 /p/-0 /p/-1 /p/01 /p/9 /p/k /p/k/k /p/0/k /a~1b /~0 /~01 / "
    "/missing /requestParameters /requestParameters/command /userIdentity/type /resources /responseElements/instancesSet"
).split()
TEXTS = (
    "ct.name ct.src ct.shortsrc ct.error ct.region ct.user ct.user.identitytype ct.user.arn ct.readonly "
    "ct.managementevent ct.request ct.request.cluster ct.resources ecs.cluster ecs.command ecs.interactive ct.srcip "
    "ct.useragent"
).split()
SIMPLE = ["=", "==", "!=", "contains", "icontains", "startswith", "endswith"]
ORDERS = ["<", "<=", ">", ">="]
MODIFIERS = ["oneof", "anyof", "allof"]
COUNTS = ["s3.bytes", "s3.cnt.get", "evt.num"]
IMAGE_IDS = [nodes.Field("ec2.imageids", index, 0) for index in (None, "0", "1")]

pointers = st.sampled_from([*POINTERS, ""])
text_fields = st.one_of(
    st.sampled_from([nodes.Field(name, None, 0) for name in TEXTS]),
    st.builds(nodes.Field, st.sampled_from(["json.value", "jevt.value"]), pointers, AT),
)
number_fields = st.sampled_from([nodes.Field(name, None, 0) for name in COUNTS])
list_fields = st.sampled_from(IMAGE_IDS)


def function(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[nodes.Transformer]:
    return st.builds(nodes.Transformer, st.just(name), st.tuples(*arguments), st.none(), AT)


def lists_of(operand: st.SearchStrategy[Any]) -> st.SearchStrategy[nodes.TransformerList]:
    children = st.lists(operand, min_size=1, max_size=2).map(tuple)
    return st.builds(nodes.TransformerList, children, AT)


# Texts that print with quotes: without them they would be fields.
quoted = st.builds(nodes.Value, st.sampled_from(["x y", "a=", "\\a", "'"]), AT)
text_operands = st.recursive(
    text_fields,
    lambda inner: st.one_of(
        *(function(name, inner) for name in ("tolower", "toupper", "basename", "b64")),
        function("concat", inner, inner),
        function("concat", quoted, inner, inner),
        function("join", quoted, lists_of(inner)),
        function("join", quoted, list_fields),
    ),
    max_leaves=3,
)
number_operands = st.one_of(number_fields, function("len", text_operands), function("len", list_fields))
list_operands = st.one_of(
    list_fields, *(function(name, list_fields) for name in ("tolower", "toupper", "basename", "b64"))
)
COMMON = ["a", "a", "A", "b", "ab", "", "/a/b", "true", "null"]
constants = st.builds(nodes.Value, st.sampled_from([*WORDS, *COMMON]), AT)
# In quotes a text can't end with a backslash: the quote after it never closes.
glob_texts = st.one_of(
    st.text("ab*?\\", max_size=4).filter(lambda text: not text.endswith("\\")),
    st.sampled_from(["[ab]", "[!a]*", "[^a-b]?", "*[a-b", "[]a]", "[é]", "??", "[A-C]*", "*/*", "x?y", "*[0-9]"]),
)
globs = st.builds(nodes.Value, glob_texts, AT)
# Patterns that mean the same to RE2 in POSIX mode and to Python's re.
PATTERNS = [
    *("a", "a|b", "[ab]+", ".*", "a?b?", "(a|A)b*", "[^a]*", "nul.", ".{2,3}", "(.)*é?", "^a.*$", "[0-9.E]+"),
    *("x.y", "a\\\\b", "(tr|fals)e", ".+/.+", "", "(a|ab)(b|)"),
]
patterns = st.builds(nodes.Value, st.sampled_from(PATTERNS), AT)
NUMBERS = ["0", "1", "2", "5", "15", "300", "-1", "00"]
numbers = st.builds(nodes.Value, st.sampled_from(NUMBERS), AT)


def lists(texts: list[str]) -> st.SearchStrategy[nodes.ListValue]:
    return st.builds(nodes.ListValue, st.lists(st.sampled_from(texts), max_size=4).map(tuple), AT)


word_lists = st.one_of(lists([*WORDS, *COMMON]), st.builds(nodes.Value, st.sampled_from(["a", "null", "true"]), AT))
path_lists = lists(["/a", "a/b", "/a/*", "?", "/", "/b", "*/b", "[a]/b", "a,b", "\\a"])
text_functions = text_operands.filter(lambda operand: isinstance(operand, nodes.Transformer))


def comparison(
    left: Any, operators: list[str], right: Any, modifiers: Any = None
) -> st.SearchStrategy[nodes.Comparison]:
    modifier = st.none() if modifiers is None else modifiers
    return st.builds(nodes.Comparison, left, st.sampled_from(operators), modifier, right, AT)


modifiers = st.sampled_from(MODIFIERS)
order_texts = st.builds(nodes.Value, st.sampled_from(["5", "1.50", "0", "+1", "0x1f"]), AT)
checks = st.one_of(
    st.builds(nodes.Exists, st.one_of(text_operands, number_operands, list_operands), AT),
    comparison(text_operands, SIMPLE, constants),
    comparison(text_operands, ORDERS, order_texts),
    comparison(text_operands, ["glob", "iglob"], globs),
    comparison(text_operands, ["regex"], patterns),
    comparison(text_operands, ["in", "intersects"], word_lists),
    comparison(text_operands, ["pmatch"], path_lists),
    comparison(text_operands, SIMPLE, word_lists, modifiers),
    comparison(text_operands, ["glob", "iglob"], lists(["*", "a*", "?", "[ab]*"]), modifiers),
    comparison(text_operands, ["regex"], lists(PATTERNS), modifiers),
    comparison(
        text_operands, [*SIMPLE, *ORDERS, "in", "intersects", "glob"], function("val", text_fields) | text_functions
    ),
    comparison(number_operands, ["=", "==", "!=", *ORDERS], numbers),
    comparison(number_operands, ["in", "intersects"], lists(NUMBERS)),
    comparison(number_operands, ["=", "!="], lists(NUMBERS), modifiers),
    comparison(number_operands, ["=", "!=", *ORDERS, "in"], function("val", number_fields)),
    comparison(list_operands, ["in", "intersects"], word_lists),
    comparison(list_operands, ["in", "intersects"], function("val", list_fields)),
)


def several(kind: type[nodes.And] | type[nodes.Or], inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, st.lists(inner, min_size=2, max_size=3).map(tuple), AT)


def groups(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    # `not not x` is read as `x`.
    single = inner.filter(lambda node: not isinstance(node, nodes.Not))
    return st.one_of(several(nodes.And, inner), several(nodes.Or, inner), st.builds(nodes.Not, single, AT))


trees = st.recursive(checks, groups, max_leaves=6)


def written(node: Any) -> str:
    """A condition with every constant in quotes where it may be; Falco's own form leaves `a,b` and `(` bare."""
    match node:
        case nodes.And() | nodes.Or():
            return "(" + f" {type(node).__name__.lower()} ".join(map(written, node.children)) + ")"
        case nodes.Not():
            return f"not {written(node.child)}"
        case nodes.Comparison():
            bare = node.operator in ORDERS or (isinstance(node.right, nodes.Value) and takes_list(node))
            right = str(node.right) if bare else written(node.right)
            return f"{node.left} {node.operator} {node.modifier or ''} {right}"
        case nodes.Value():
            return quoted_text(node.text)
        case nodes.ListValue():
            return f"({', '.join(map(quoted_text, node.texts))})"
    return str(node)


def takes_list(node: nodes.Comparison) -> bool:
    return node.modifier is not None or node.operator in ("in", "intersects", "pmatch")


def quoted_text(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
