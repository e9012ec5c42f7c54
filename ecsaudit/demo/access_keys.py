"""Access key ids of the sample: each names its account, so the endpoint needs no table of keys."""

import base64
import binascii
import re

PREFIX = "AKIASAMPLEID"
AUTHORIZATION = re.compile(r"Credential=([^/\s,]+)/\d{8}/([a-z0-9-]+)/cloudtrail/aws4_request")


class UnknownAccessKey(LookupError):
    """The access key id is none that `access_key_for` gives."""


def access_key_for(account_id: str) -> str:
    """The sample access key id (20 characters) of a 12-digit account id. Raises ValueError for anything else."""
    if not re.fullmatch(r"[0-9]{12}", account_id):
        raise ValueError(f"{account_id!r} is not a 12-digit account id")
    return PREFIX + base64.b32encode(int(account_id).to_bytes(5)).decode("ascii")


def account_for(access_key_id: str) -> str:
    """The account id of a key made by `access_key_for`. Raises UnknownAccessKey."""
    if not access_key_id.startswith(PREFIX):
        raise UnknownAccessKey(access_key_id)
    try:
        number = int.from_bytes(base64.b32decode(access_key_id.removeprefix(PREFIX)))
    except binascii.Error as error:
        raise UnknownAccessKey(access_key_id) from error
    account_id = f"{number:012d}"
    if len(account_id) != 12 or access_key_for(account_id) != access_key_id:
        raise UnknownAccessKey(access_key_id)
    return account_id


def account_and_region(authorization: str) -> tuple[str, str]:
    """Account id and Region of a Signature Version 4 `Authorization` header. Raises UnknownAccessKey.

    The signature itself is not checked: the sample has no secrets.
    """
    credential = AUTHORIZATION.search(authorization)
    if credential is None:
        raise UnknownAccessKey(authorization)
    return account_for(credential[1]), credential[2]
