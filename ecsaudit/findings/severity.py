"""From Falco's priorities to Security Hub's severity labels: the one table that everything uses that leaves ecsaudit."""

from collections.abc import Mapping

from django.db.models import TextChoices

from ecsaudit.findings.models import Priority


class Severity(TextChoices):
    """ASFF's Severity.Label, the least first."""

    INFORMATIONAL = "INFORMATIONAL", "Informational"
    LOW = "LOW", "Low"
    MEDIUM = "MEDIUM", "Medium"
    HIGH = "HIGH", "High"
    CRITICAL = "CRITICAL", "Critical"


SEVERITIES: Mapping[int, Severity] = {
    Priority.EMERGENCY: Severity.CRITICAL,
    Priority.ALERT: Severity.CRITICAL,
    Priority.CRITICAL: Severity.CRITICAL,
    Priority.ERROR: Severity.HIGH,
    Priority.WARNING: Severity.MEDIUM,
    Priority.NOTICE: Severity.LOW,
    Priority.INFORMATIONAL: Severity.INFORMATIONAL,
    Priority.DEBUG: Severity.INFORMATIONAL,
}
