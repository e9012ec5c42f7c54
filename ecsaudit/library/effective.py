"""The effective rule set: the rule files of settings.RULES_DIR, compiled, and compiled again when a file changes.

RulesBroken             the files hold errors; its text lists each with file, line and column
"""

import threading
from pathlib import Path

from django.conf import settings

from ecsaudit import engine

Stamp = tuple[tuple[str, int, int], ...]


class RulesBroken(ValueError):
    """The rule files can't be used. Nothing is judged with half a rule set."""


class EffectiveRules:
    """Compiles the rule files once and again only when one was added, changed or removed. Safe to share by threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.Lock()
        self.stamp: Stamp | None = None
        self.rule_set: engine.RuleSet | None = None

    def current(self) -> engine.RuleSet:
        """The compiled rules; RulesBroken says what to mend."""
        with self.lock:
            stamp = self.read_stamp()
            if self.rule_set is None or stamp != self.stamp:
                self.rule_set, self.stamp = self.compile(), stamp
            return self.rule_set

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("*.yaml") if path.is_file())

    def read_stamp(self) -> Stamp:
        return tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in self.files())

    def compile(self) -> engine.RuleSet:
        try:
            texts = [(f"{self.folder.name}/{path.name}", path.read_text(encoding="utf-8")) for path in self.files()]
        except (OSError, UnicodeDecodeError) as error:
            raise RulesBroken(f"a rule file in {self.folder.name}/ can't be read: {error}") from error
        result = engine.load_rules(texts)
        if not result.ok:
            raise RulesBroken("; ".join(str(problem) for problem in result.errors))
        return result.rule_set


rules = EffectiveRules(settings.RULES_DIR)
