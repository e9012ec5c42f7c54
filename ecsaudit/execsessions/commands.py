"""What an exec command is by its content: a session that a person types into, or one command that runs and ends.

ECS sets `interactive` on every call, so the flag says nothing.
"""

import re
import shlex

from ecsaudit.execsessions.models import Mode

SHELLS = frozenset("sh ash bash csh dash fish ksh mksh pwsh powershell rbash tcsh zsh cmd".split())
# Without a file to run these show a prompt.
INTERPRETERS = frozenset("python python2 python3 ipython bpython irb pry node lua iex jshell ghci".split())
# These show a prompt unless an option hands them something to run.
CLIENTS = frozenset("psql mysql mariadb mongo mongosh redis-cli sqlite3 gdb su".split())
RUN_OPTIONS = ("-c", "-e", "-f", "--command", "--execute", "--eval", "--file", "-batch", "--batch")
# `<tool> <word>` opens the tool's own prompt.
TOOLS = frozenset("rails artisan manage.py django-admin flask console mix".split())
PROMPT_WORDS = frozenset("c console dbshell repl shell shell_plus tinker".split())
# Words that stand before the command that is really run.
WRAPPERS = frozenset("bundle busybox command env exec nice nohup npx php pipenv poetry run stdbuf sudo time uv".split())
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=", re.ASCII)
SEQUENCE = re.compile(r";|\n|&&|\|\|")
# A command may be 100 KB long, because files are copied through exec; its beginning and end say what it is.
LONGEST = 4_000
DEEPEST = 3


def mode_of(command: str) -> Mode:
    """Interactive (a shell, or a program's own prompt), one-shot, or unknown for an empty command."""
    words = split(command)
    if not words:
        return Mode.UNKNOWN
    return Mode.SHELL if is_interactive(words, DEEPEST) else Mode.ONE_SHOT


def split(text: str) -> list[str]:
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} {text[-LONGEST // 2 :]}"
    try:
        return shlex.split(text)
    except ValueError:
        # an unclosed quote
        return text.split()


def is_interactive(words: list[str], depth: int) -> bool:
    words = without_wrappers(words)
    if not words or depth == 0:
        return False
    program, arguments = program_name(words[0]), words[1:]
    if program in SHELLS:
        return shell_is_interactive(arguments, depth)
    if program in INTERPRETERS:
        operand = first_operand(arguments)
        if operand is None:
            return not any(argument.startswith(RUN_OPTIONS) for argument in arguments)
        return is_interactive(arguments[arguments.index(operand) :], depth - 1)
    if program in CLIENTS:
        return not any(argument.startswith(RUN_OPTIONS) for argument in arguments)
    return program in TOOLS and first_operand(arguments) in PROMPT_WORDS


def shell_is_interactive(arguments: list[str], depth: int) -> bool:
    """A shell runs the script after -c, else the file it is given, else it waits for a person."""
    for position, argument in enumerate(arguments):
        if re.fullmatch(r"-[a-z]*c|/[cC]", argument):
            script = arguments[position + 1] if position + 1 < len(arguments) else ""
            return is_interactive(split(last_command(script)), depth - 1)
    return first_operand(arguments) is None


def last_command(script: str) -> str:
    """Of `echo hello; exec bash` the part that is left running."""
    commands = [command for command in SEQUENCE.split(script) if command.strip()]
    return commands[-1] if commands else ""


def without_wrappers(words: list[str]) -> list[str]:
    position = 0
    while position < len(words) and (ASSIGNMENT.match(words[position]) or program_name(words[position]) in WRAPPERS):
        position += 1
    return words[position:]


def program_name(word: str) -> str:
    return word.replace("\\", "/").rsplit("/", 1)[-1].lower().removesuffix(".exe")


def first_operand(arguments: list[str]) -> str | None:
    """The first argument that is neither an option nor part of a redirection."""
    for argument in arguments:
        if "<" in argument or ">" in argument:
            return None
        if not argument.startswith("-"):
            return argument
    return None
