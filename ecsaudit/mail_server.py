"""The mail server as one address: smtp://user:password@host:587?starttls, or smtps:// for encryption from the start."""

from dataclasses import dataclass, field
from email.utils import parseaddr
from urllib.parse import parse_qsl, unquote, urlsplit

from ecsaudit.environment import BadSetting

PORTS = {"smtp": 25, "smtps": 465}
PORT_FOR_STARTTLS = 587


@dataclass(frozen=True, slots=True)
class MailServer:
    """Without a host there is none, and no mail can be sent."""

    host: str = ""
    port: int = 25
    user: str = ""
    password: str = field(default="", repr=False)
    starttls: bool = False
    tls: bool = False

    @classmethod
    def of(cls, address: str, name: str) -> "MailServer":
        """Raises BadSetting, which names the variable and never the address: it holds a password."""
        if not address:
            return cls()
        try:
            parts = urlsplit(address)
            port, options = parts.port, {key for key, _ in parse_qsl(parts.query, keep_blank_values=True)}
        except ValueError as error:
            raise BadSetting(f"{name} can't be read; {HOW}") from error
        if parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/") or options - {"starttls"}:
            raise BadSetting(f"{name} can't be read; {HOW}")
        starttls = "starttls" in options
        if starttls and parts.scheme == "smtps":
            raise BadSetting(
                f"{name} has smtps:// and starttls; smtps:// is encrypted from the start, so leave starttls out"
            )
        return cls(
            host=parts.hostname,
            port=port or (PORT_FOR_STARTTLS if starttls else PORTS[parts.scheme]),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            starttls=starttls,
            tls=parts.scheme == "smtps",
        )


HOW = "use smtp://user:password@host:587?starttls or smtps://user:password@host:465, with special characters percent-encoded"


def sender(text: str, name: str) -> str:
    """Whom mail comes from: an address, or a name and an address in angle brackets."""
    if not text.isprintable() or "@" not in parseaddr(text)[1]:
        raise BadSetting(f"{name} is {text!r}; use an address such as ecsaudit <ecsaudit@example.com>")
    return text
