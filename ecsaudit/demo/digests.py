"""Identifiers that look random and are always the same for the same words."""

import uuid
from hashlib import blake2b

BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def number(*words: object) -> int:
    """A 256-bit number."""
    return int.from_bytes(blake2b("\n".join(map(str, words)).encode(), digest_size=32).digest())


def hexadecimal(length: int, *words: object) -> str:
    """Up to 64 hex digits."""
    return f"{number(*words):064x}"[:length]


def letters(length: int, alphabet: str, *words: object) -> str:
    """Up to 40 characters of the alphabet."""
    left, found = number(*words), ""
    for _ in range(length):
        left, index = divmod(left, len(alphabet))
        found += alphabet[index]
    return found


def uuid4(*words: object) -> str:
    """A UUID of version 4."""
    return str(uuid.UUID(int=number(*words) >> 128, version=4))


def session_suffix(*words: object) -> str:
    """The 26 characters that end a Session Manager session id."""
    return letters(26, BASE36, *words)


def unique_id(prefix: str, *words: object) -> str:
    """An IAM unique id or access key id: AROA, AIDA, ASIA or AKIA and 16 more characters."""
    return prefix + letters(16, BASE32, prefix, *words)
