"""The engine's command line: `python -m ecsaudit.engine check | eval | explain | fields | needs`.

One module a command, each with HELP, `add_arguments(parser)` and `run(options) -> int`; `main` lists them. Exit codes:

    0    done, and nothing is wrong
    1    a rule file has errors (with --strict: or warnings)
    2    wrong use
    3    some records could not be read; the others were judged
    130  stopped with Ctrl-C
"""
