from __future__ import annotations

import pytest

from ecsaudit import engine


@pytest.mark.parametrize(
    ("condition", "hint"),
    [
        ("ct.name has x", "did you mean 'contains'?"),
        ("ct.name contians x", "did you mean 'contains'?"),
        ("ct.name is x", "did you mean '='?"),
        ("ct.name like x", "use 'glob'"),
        ("ct.name matches x", "use 'regex'"),
        ("ct.name not in (a)", "'not' stands before the field"),
        ("ct.name !contains a", "'not' stands before the field"),
        ("! ct.name = a", "write 'not' and a blank"),
        ("ct.name <> a", "did you mean '!='?"),
        ("ct.name > a", "take a bare number"),
        ("ct.name = a && ct.user = b", "did you mean 'and'?"),
        ("ct.name = a || ct.user = b", "did you mean 'or'?"),
        ("ct.name = a AND ct.user = b", "keywords are lower case: 'and'"),
        ("(ct.name = a OR ct.user = b)", "keywords are lower case: 'or'"),
        ("ct.name = a and", "a check must follow"),
        ("ct.name = a and ", "the condition ends too early"),
        ("ct.name = ", "the condition ends too early"),
        ("ct.name = (a, b)", "= anyof (a, b)"),
        ("ct.name in a, b", "in (a, b)"),
        ("ct.name in [a, b]", "round parentheses"),
        ("ct.name in (a b)", "separate values with commas"),
        ("ct.name = my value", "put a value with blanks in quotes"),
        ("ct.name = 'abc", "this quote is never closed"),
        (r'ct.name = "abc\"', "can't end with a backslash"),
        ("ct.user = a or (ct.name = ')' and (ct.name = b)", "the parenthesis at character 16 of the condition"),
        ("ct.name = a)", "this parenthesis closes nothing"),
        ("eventName = x", "a field's name has a dot"),
        ("ct.eventName = x", "did you mean 'ct.name'?"),
        ("ct.useridentity.arn exists", "did you mean 'ct.user.arn'?"),
        ("'a' = ct.name", "a value stands on the right side"),
    ],
)
def test_an_error_says_what_was_probably_meant(condition: str, hint: str) -> None:
    with pytest.raises(engine.ConditionError) as caught:
        engine.compile_condition(condition)
    assert hint in caught.value.hint


RULE = """
- rule: R
  desc: d
  condition: ct.name = a
  output: "%ct.user"
  priority: INFO
  source: aws_cloudtrail
"""


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (RULE.replace("  source: aws_cloudtrail\n", ""), "rules for CloudTrail need 'source: aws_cloudtrail'"),
        (RULE.replace("aws_cloudtrail", "aws_clodtrail"), "did you mean 'aws_cloudtrail'?"),
        (RULE.replace("INFO", "HIGH"), "one of Emergency, Alert, Critical"),
        (RULE.replace("ct.user", "ct.usr"), "did you mean 'ct.user'?"),
        (RULE.replace("%ct.user", "%user"), "a field's name has a dot"),
        (RULE.replace("%ct.user", "100% of it"), "a percent sign can't be printed"),
        (
            RULE.replace("ct.name = a", "ct.name = a and opend") + "- {macro: opened, condition: ct.user = b}",
            "'opened'",
        ),
        (RULE.replace("ct.name = a", "ct.name = a: b"), "needs quotes, or '>'"),
        (RULE.replace('"%ct.user"', "%ct.user"), "in quotes"),
        (RULE.replace("desc: d", "desc:d"), "a blank belongs after ':'"),
        (RULE.replace("  desc", "\tdesc"), "indent with blanks"),
        (RULE.replace("  desc", " desc"), "in the same column"),
        ("rule: R\ndesc: d\n", "begin each item with '- '"),
        (RULE.replace("ct.name = a", "*name"), "begins with *"),
        (RULE.replace("ct.name = a", "'ct.name = a"), "a quote is never closed"),
        (RULE.replace("ct.name = a", '"ct.name = \\d"'), "backslash"),
        (RULE + "  tags: a, b", "write 'tags: [...]'"),
        (RULE + "  enabled: 1", "write true or false"),
    ],
)
def test_a_problem_in_a_file_says_what_to_do(text: str, hint: str) -> None:
    loaded = engine.load_rules([("a.yaml", text)])
    hints = [problem.hint for problem in (*loaded.errors, *loaded.warnings)]
    assert any(hint in found for found in hints), hints
