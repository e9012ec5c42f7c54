"""Random records: JSON text, ordinary and odd. Members and values come from small pools, so that rules often match."""

from __future__ import annotations

import json
import re

from hypothesis import strategies as st

WORDS = ["a", "A", "b", "ab", "null", "true", "false", "5", "1.50", "1E5", "-0", "0", "x y", "é", "/a/b", "a,b", 'q"q']
NUMBERS = ["5", "15", "0", "-0", "-5", "1.50", "1E5", "-0.0", "300", "18446744073709551616", "1" * 30, "1E400"]
ESCAPED = [r'"\u0061"', r'"\u00E9"', r'"\/a\/b"', r'"a\\b"', r'"q\"q"', r'"x\ny"', r'"a\u0000b"', r'"\u0000"']
SURROGATES = [r'"\ud83d\ude00"', '"😀"', r'"\uD800"', r'"\udc00a"']
ENCODED = ['"YWI="', '"YWI"', '"YQ"', '"YR"', '"Y-I="', '""']
# simdjson, orjson and the reader that takes over from them differ in the depth that they like.
DEEP = ["[" * depth + "]" * depth for depth in (2, 60, 260)]

scalars = st.sampled_from(
    [json.dumps(word, ensure_ascii=False) for word in WORDS]
    + ["null", "true", "false"]
    + NUMBERS
    + ESCAPED
    + SURROGATES
    + ENCODED
)
keys = st.sampled_from(["k", "0", "command", "type", "", r"\u006b"])
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


def array_of(items: list[str]) -> str:
    return f"[{','.join(items)}]"


def object_of(pairs: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f'"{key}":{value}' for key, value in pairs) + "}"


def spaced(text: str, blank: str) -> str:
    """The same document with white space between all tokens."""
    return blank.join(_TOKEN.findall(text))


values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(array_of),
        st.lists(st.tuples(keys, inner), max_size=3).map(object_of),
        st.sampled_from(DEEP),
    ),
    max_leaves=4,
)


def members(**choices: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """An object with some of these members, in any order, now and then one twice, now and then with an escaped name."""
    pairs = [
        st.tuples(st.sampled_from([name, name, name, name, escaped(name)]), strategy)
        for name, strategy in choices.items()
    ]
    return st.lists(st.one_of(pairs), min_size=len(pairs) // 3, max_size=len(pairs) + 2).map(object_of)


def escaped(name: str) -> str:
    return f"\\u{ord(name[0]):04x}{name[1:]}" if name else name


identities = st.one_of(
    members(
        type=st.sampled_from(['"IAMUser"', '"Root"', '"AssumedRole"', '"AWSService"', '"AWSAccount"', "5", "null"]),
        userName=scalars,
        arn=scalars,
        invokedBy=scalars,
        sessionContext=st.one_of(members(sessionIssuer=st.one_of(members(userName=scalars), scalars)), values),
    ),
    values,
)
sources = st.sampled_from(['"ecs.amazonaws.com"', '".amazonaws.com"', '"a.amazonaws.com.amazonaws.com"', '"a.b"'])
transferred = members(
    bytesTransferredIn=st.sampled_from([*NUMBERS, '"5"', "null"]), bytesTransferredOut=st.sampled_from(["5", "null"])
)
instances = st.one_of(
    st.lists(members(imageId=scalars), max_size=3).map(lambda items: object_of([("items", array_of(items))])),
    values,
)
requests = members(
    cluster=scalars,
    command=values,
    interactive=scalars,
    imageId=scalars,
    launchSpecification=members(imageId=scalars),
)
resources = st.lists(values, max_size=2)
documents = members(
    eventName=st.one_of(values, st.just('"GetObject"')),
    eventSource=st.one_of(scalars, sources),
    errorCode=scalars,
    awsRegion=scalars,
    readOnly=scalars,
    managementEvent=scalars,
    sourceIPAddress=scalars,
    userAgent=scalars,
    userIdentity=identities,
    requestParameters=st.one_of(requests, values),
    responseElements=st.one_of(members(instancesSet=instances), values),
    additionalEventData=transferred,
    resources=st.one_of(resources.map(array_of), resources.map(array_of), scalars),
    p=values,
    **{"a/b": scalars, "~": scalars, "~1": scalars, "": scalars},
)
# Whole records of few values, for conditions that are to match.
FEW = [
    '"a"',
    '"A"',
    '"b"',
    '"ab"',
    '""',
    '"é"',
    '"/a/b"',
    '"YWI="',
    '"YR"',
    "null",
    "true",
    "5",
    '{"k":"a"}',
    '["a","b"]',
]
few = st.sampled_from(FEW)


def all_of(**choices: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """An object with all of these members."""
    return st.tuples(*choices.values()).map(lambda found: object_of(list(zip(choices, found, strict=True))))


whole = all_of(
    **dict.fromkeys(
        ["eventName", "eventSource", "errorCode", "awsRegion", "sourceIPAddress", "readOnly", "p", "a/b", "~", ""], few
    ),
    userIdentity=all_of(
        type=st.sampled_from(['"IAMUser"', '"AssumedRole"', '"AssumedRole"', '"AWSAccount"', '"a"']),
        userName=few,
        arn=few,
        sessionContext=all_of(sessionIssuer=st.one_of(st.just("{}"), all_of(userName=few))),
    ),
    requestParameters=all_of(cluster=few, command=few, interactive=few, imageId=few),
    responseElements=st.one_of(
        st.lists(all_of(imageId=few), max_size=3).map(
            lambda items: object_of([("instancesSet", object_of([("items", array_of(items))]))])
        ),
        st.just("null"),
    ),
    additionalEventData=all_of(bytesTransferredIn=st.sampled_from(["0", "1", "15", "300"])),
    resources=st.lists(few, max_size=2).map(array_of),
)
BROKEN = ["", "{", "nul", "[", '{"eventName":"a"} x', '{"eventName":"a",}', '{"eventName":a}', '{"eventName":"a"', "\0"]
records = st.one_of(
    documents,
    documents,
    documents,
    st.builds(spaced, documents, st.sampled_from([" ", "\n", " \t\r\n "])),
    documents.map(lambda text: " " + text),
    documents.map(lambda text: text + "\n"),
    documents.map(lambda text: text[:-1]),
    values,
    st.sampled_from(BROKEN),
)
