"""The policies that decide, read once and again when they were changed."""

from __future__ import annotations

import threading

from ecsaudit.policies.models import Key, Policy, PolicyBook
from ecsaudit.policies.terms import Terms


class PoliciesInForce:
    """All policies in their order, on and off. Safe to share by threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.key: Key | None = None
        self.terms: tuple[Terms, ...] = ()

    def current(self) -> tuple[Terms, ...]:
        """One query while they stay the same. Channels that were deleted since may still be named."""
        key = PolicyBook.objects.values_list("revision", "changed_at").first()
        if key is None:
            return ()
        with self.lock:
            if self.key != key:
                self.terms = tuple(policy.terms() for policy in Policy.objects.in_order())
                self.key = key
            return self.terms


policies = PoliciesInForce()
