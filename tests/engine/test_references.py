from ecsaudit import engine

RULES = """
- list: shells
  items: [sh]
- macro: shell
  condition: ecs.command in (shells)
- rule: R
  desc: d
  condition: shell and not (ct.user in (alice, people) or ct.name exists)
  output: o
  priority: INFO
  source: aws_cloudtrail
- list: people
  items: [bob]
"""


def test_a_condition_names_macros_and_lists_and_not_what_its_macros_name() -> None:
    loaded = engine.load_rules([("a.yaml", RULES)])
    assert list(engine.references(loaded.rules[0].condition.tree)) == [("macro", "shell"), ("list", "people")]
    assert list(engine.references(loaded.macro_trees["shell"])) == [("list", "shells")]
    assert list(engine.references(engine.parse_condition("a and not b or a"))) == [
        ("macro", "a"),
        ("macro", "b"),
        ("macro", "a"),
    ]
