"""What uses a list or a macro: lists, macros and rules, by name or through others. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ecsaudit import engine
from ecsaudit.library.models import Kind

Item = tuple[str, str]
_ORDER = list(Kind.values)


@dataclass(frozen=True, slots=True)
class Use:
    """An item that uses the one asked for: by its name, or `through` the first of those that name it."""

    kind: str
    name: str
    through: Item | None = None


def used_by(loaded: engine.LoadResult, rules: Iterable[engine.Rule], kind: str, name: str) -> list[Use]:
    """The users of a list or macro: lists, macros, rules, each by name; rules are used by nothing."""
    users: dict[Item, set[Item]] = {}
    for user, used in named(loaded, rules).items():
        for each in used:
            users.setdefault(each, set()).add(user)
    found: dict[Item, Use] = {}
    waiting: list[tuple[Item, Item | None]] = [((kind, name), None)]
    while waiting:
        item, through = waiting.pop(0)
        for user in sorted(users.get(item, ())):
            if user not in found and user != (kind, name):
                found[user] = Use(*user, through)
                waiting.append((user, through or user))
    return sorted(found.values(), key=lambda use: (_ORDER.index(use.kind), use.name.casefold(), use.name))


def times_named(loaded: engine.LoadResult, rules: Iterable[engine.Rule]) -> Counter[Item]:
    """How many lists, macros and rules name each list and macro."""
    return Counter(used for names in named(loaded, rules).values() for used in names)


def named(loaded: engine.LoadResult, rules: Iterable[engine.Rule]) -> Mapping[Item, set[Item]]:
    """The lists and macros that each item names itself."""
    found: dict[Item, set[Item]] = {
        (str(Kind.LIST), name): {(str(Kind.LIST), each) for each in lists}
        for name, lists in loaded.lists_in_lists.items()
    }
    trees = [((str(Kind.MACRO), name), tree) for name, tree in loaded.macro_trees.items()]
    trees += [((str(Kind.RULE), rule.name), rule.condition.tree) for rule in rules]
    return found | {item: set(engine.references(tree)) for item, tree in trees}
