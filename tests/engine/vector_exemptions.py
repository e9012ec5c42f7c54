"""The vectors that the engine doesn't follow: file, reason, and the vectors (their condition, field or id)."""

from __future__ import annotations

EXEMPT: dict[str, dict[str, tuple[str, ...]]] = {
    "compile": {
        "byte buffers are a type of the syscall source's fields; no field of CloudTrail has it": (
            "c.buffer bcontains 12ab001fc5",
            "c.buffer bstartswith 48545450",
            "evt.buffer exists",
            "evt.buffer = test",
            "evt.buffer != test",
            "evt.buffer contains test",
            "evt.buffer in (test)",
            "evt.buffer intersects (test)",
            "evt.buffer startswith test",
            "evt.buffer endswith test",
            "evt.buffer bcontains 303000",
            "evt.buffer bstartswith 303000",
        ),
        "addresses and networks are types of the syscall source's fields; CloudTrail's are text": (
            "fd.ip exists",
            "fd.ip = 127.0.0.1",
            "fd.ip != 127.0.0.1",
            "fd.ip in (127.0.0.1)",
            "fd.ip intersects (127.0.0.1)",
            "fd.ip == anyof (127.0.0.1)",
            "fd.ip == allof (127.0.0.1)",
            "fd.ip != anyof (127.0.0.1)",
            "fd.ip != allof (127.0.0.1)",
            "fd.net exists",
            "fd.net = 127.0.0.1/32",
            "fd.net != 127.0.0.1/32",
            "fd.net in (127.0.0.1/32)",
            "fd.net intersects (127.0.0.1/32)",
            "fd.net == anyof (127.0.0.1/32)",
            "fd.net == allof (127.0.0.1/32)",
            "fd.net != anyof (127.0.0.1/32)",
            "fd.net != allof (127.0.0.1/32)",
        ),
    },
    "eval": {
        "the time of an event is its eventTime; the vectors give one from outside the record": (
            "json.rawtime",
            "jevt.rawtime",
        ),
    },
    "rules": {
        "a list in a list in a list is replaced at every level, which Falco leaves undone": ("observed:list-nested-3",),
        "the YAML parser is libyaml, so a syntax error is told in its words": (
            "TestFalco_Legacy_InvalidYamlParseError",
            "observed:doc-bad-yaml",
        ),
        "networks are a type of the syscall source's fields": ("TestFalco_Legacy_InOperatorNetmasks",),
        "evt.dir is a field of the syscall source; its deprecation is nothing to CloudTrail rules": (
            "test_rule_loader.cpp:deprecated_field_in_output",
            "test_rule_loader.cpp:deprecated_evt_dir_folded_scalar_condition_snippet",
            "test_rule_loader.cpp:deprecated_evt_dir_via_macro_folded_scalar_condition_snippet",
            "evt.dir = <",
            "evt.dir = >",
            "proc.name=test and evt.dir = <",
            "evt.dir = < and proc.name=test",
        ),
    },
}
