"""The words of the condition language, and Falco's messages that list them."""

from __future__ import annotations

NUMBER_OPERATORS = ("<=", "<", ">=", ">")
SYMBOL_OPERATORS = ("==", "=", "!=")
WORD_OPERATORS = (
    "glob",
    "iglob",
    "contains",
    "icontains",
    "bcontains",
    "startswith",
    "bstartswith",
    "endswith",
    "regex",
)
LIST_OPERATORS = ("intersects", "in", "pmatch")
MODIFIERS = ("oneof", "anyof", "allof")
OPERATORS = ("exists", *NUMBER_OPERATORS, *SYMBOL_OPERATORS, *WORD_OPERATORS, *LIST_OPERATORS)
TRANSFORMERS = ("tolower", "toupper", "b64", "basename", "len", "join", "concat", "getopt")


def quoted_words(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


FUNCTION_NAMES = quoted_words(("val", *TRANSFORMERS))
NO_OPERATOR = f"expected a valid check operator: one of {quoted_words(OPERATORS)}"
NO_NUMBER = f"expected a number value or a field with a valid transformer: {FUNCTION_NAMES}"
NO_STRING = f"expected a string value or a field with a valid transformer: {FUNCTION_NAMES}"
NO_LIST = f"expected a list, an identifier, or a field with a valid transformer: {FUNCTION_NAMES}"
NO_ARGUMENT = "expected field transformer argument: field, transformer, quoted string, number, or transformer list"
NO_LIST_ARGUMENT = "expected transformer list argument: field, transformer, quoted string, or number"
