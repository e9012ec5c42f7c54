"""Random rule files whose rules are much alike: they ask for the same few values of a record in every way, so that
whatever remembers answers for many rules at once is tested hard."""

from __future__ import annotations

import json
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.engine.random_records import members

POOLS = {
    "eventName": ["Get", "Put", "ExecuteCommand", "", "null", "5"],
    "eventSource": ["ecs.amazonaws.com", "s3.amazonaws.com", "", "null"],
    "awsRegion": ["eu", "us", "", "5"],
    "type": ["IAMUser", "Root", "AssumedRole", "AWSAccount", ""],
    "readOnly": ["true", "false", "1", "0", "null"],
    "errorCode": ["Denied", "", "null"],
    "userName": ["alice", "bob", "AssumedRole"],
    "command": ["sh", "ls", "true"],
}
FIELDS = {
    "eventName": ["ct.name", "json.value[/eventName]", "jevt.value[eventName]", 'json.value["/eventName"]'],
    "eventSource": ["ct.src", "json.value[/eventSource]"],
    "awsRegion": ["ct.region", "json.value[/awsRegion]"],
    "type": ["ct.user.identitytype", "json.value[/userIdentity/type]"],
    "readOnly": ["ct.readonly", "json.value[/readOnly]"],
    "errorCode": ["ct.error", "json.value[/errorCode]"],
    "userName": ["ct.user", "json.value[/userIdentity/userName]"],
    "command": ["ecs.command", "json.value[/requestParameters/command]"],
}
MACROS = 3
any_field = st.sampled_from([field for fields in FIELDS.values() for field in fields])


def checks_of(subject: str) -> st.SearchStrategy[str]:
    field = st.sampled_from(FIELDS[subject])
    word = st.sampled_from([json.dumps(one) for one in POOLS[subject]])
    words = st.lists(word, max_size=3).map(lambda found: f"({', '.join(found)})")
    modifier = st.sampled_from(["anyof", "oneof", "allof"])
    return st.one_of(
        st.builds("{} {} {}".format, field, st.sampled_from(["=", "=", "==", "!="]), word),
        st.builds("{} {} {}".format, field, st.sampled_from(["in", "in", "intersects"]), words),
        st.builds("{} {} {} {}".format, field, st.sampled_from(["=", "!=", "startswith"]), modifier, words),
        st.builds("{} exists".format, field),
        st.builds("{} {} {}".format, field, st.sampled_from(["startswith", "contains", "iglob"]), word),
        st.builds("{} {} val({})".format, field, st.sampled_from(["=", "!=", "startswith"]), any_field),
        st.builds("{}({}) = {}".format, st.sampled_from(["tolower", "basename"]), field, word),
    )


# Half of all checks are on names and sources, as in real rules.
checks = st.one_of(
    *map(checks_of, ["eventName", "eventName", "eventName", "eventSource", "eventSource", "readOnly", *POOLS]),
    st.builds("evt.num {} {}".format, st.sampled_from(["=", "<", ">"]), st.integers(0, 4)),
)


def groups(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("{} and not {}".format, inner, inner),
    )


plain = st.recursive(checks, groups, max_leaves=4)
names = st.sampled_from([f"m{number}" for number in range(MACROS)])
conditions = st.recursive(st.one_of(checks, checks, checks, names), groups, max_leaves=6)


@dataclass(frozen=True, slots=True)
class RuleFile:
    """Conditions of rules named R0, R1 and so on, and of the macros m0, m1 …; `disabled` are numbers of rules."""

    conditions: list[str]
    macros: list[str]
    disabled: frozenset[int]

    def text(self) -> str:
        """JSON is YAML."""
        common = {"desc": "d", "output": "%ct.name", "priority": "INFO", "source": "aws_cloudtrail"}
        macros = [{"macro": f"m{number}", "condition": text} for number, text in enumerate(self.macros)]
        rules = [
            common | {"rule": f"R{number}", "condition": text, "enabled": number not in self.disabled}
            for number, text in enumerate(self.conditions)
        ]
        return json.dumps(macros + rules)


rule_files = st.builds(
    RuleFile,
    st.lists(conditions, min_size=1, max_size=12),
    st.lists(plain, min_size=MACROS, max_size=MACROS),
    st.frozensets(st.integers(0, 40), max_size=3),
)


def written(subject: str) -> st.SearchStrategy[str]:
    """A value for a subject: mostly text that rules ask for; sometimes odd, or text that only looks like one."""
    usual = [json.dumps(word) for word in POOLS[subject]]
    odd = ["null", "true", "false", "5", "5.0", "[]", '{"k":1}', '"\\u0000"', json.dumps(POOLS[subject][0] + "\0x")]
    return st.sampled_from([*usual, *usual, *usual, *odd])


user = members(type=written("type"), userName=written("userName"))
records = members(
    eventName=written("eventName"),
    eventSource=written("eventSource"),
    awsRegion=written("awsRegion"),
    readOnly=st.sampled_from(["true", "1", "1.0", "false", "0", "null", '"true"', '"1"']),
    errorCode=written("errorCode"),
    userIdentity=st.one_of(user, user, user, written("userName")),
    requestParameters=st.one_of(members(command=written("command")), st.sampled_from(["null", "[]", '"x"'])),
)
