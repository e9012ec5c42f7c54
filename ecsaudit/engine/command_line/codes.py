"""What the codes of problems mean, in Falco's words where they are Falco's."""

from __future__ import annotations

DESCRIPTIONS = {
    "LOAD_ERR_FILE_READ": "File read error",
    "LOAD_ERR_YAML_PARSE": "YAML parse error",
    "LOAD_ERR_YAML_VALIDATE": "Error validating internal structure of YAML file",
    "LOAD_ERR_COMPILE_CONDITION": "Error compiling condition",
    "LOAD_ERR_COMPILE_OUTPUT": "Error compiling output",
    "LOAD_ERR_VALIDATE": "Error validating rule/macro/list/exception objects",
    "LOAD_UNKNOWN_SOURCE": "Unknown event source",
    "LOAD_UNSAFE_NA_CHECK": "Unsafe <NA> comparison in condition",
    "LOAD_NO_EVTTYPE": "Condition has no event-type restriction",
    "LOAD_UNKNOWN_FILTER": "Unknown field or event-type in condition or output",
    "LOAD_UNUSED_MACRO": "Unused macro",
    "LOAD_UNUSED_LIST": "Unused list",
    "LOAD_UNKNOWN_ITEM": "Unknown rules file item",
    "LOAD_DEPRECATED_ITEM": "Used deprecated item",
    "LOAD_APPEND_NO_VALUES": "Overriding/appending with no values",
    "LOAD_EXCEPTION_NAME_NOT_UNIQUE": "Multiple exceptions defined with the same name",
    "LOAD_INVALID_MACRO_NAME": "Macro name is invalid",
    "LOAD_INVALID_LIST_NAME": "List name is invalid",
    "LOAD_COMPILE_CONDITION": "Warning in rule condition",
    "LOAD_UNKNOWN_KEY": "Unknown key in item definition",
    "ECSAUDIT_TEXT_ORDER": "Text is compared letter by letter",
    "ECSAUDIT_LIST_IN_QUOTES": "A list's name is replaced inside quotes",
    "ECSAUDIT_LIST_AS_VALUE": "A list's name is replaced where a value stands",
    "ECSAUDIT_NEVER_MATCHES": "The rule can never match",
    "ECSAUDIT_PLUGIN_VERSION": "A required plugin version is not met",
}


def description(code: str) -> str:
    return DESCRIPTIONS[code]
