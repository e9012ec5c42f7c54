"""JSON without blanks, the way CloudTrail writes the text of a record."""

import json


def compact_json(value: object) -> str:
    """Compact JSON text with characters outside ASCII kept as they are; keys stay in the order given."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
