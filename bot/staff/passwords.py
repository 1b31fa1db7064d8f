"""Passwords, kept so that whoever reads the database can't sign in with them.

scrypt (RFC 7914) from the standard library: it is memory-hard like Argon2, and brings no compiled package along.
Parameters after OWASP's Password Storage Cheat Sheet: 32 MiB and about a tenth of a second for each try.
"""

import base64
import hashlib
import hmac
import secrets
import unicodedata

from llm.errors import UsageError

SHORTEST = 10
LONGEST = 200
"""Characters: enough for any passphrase, and nobody makes us hash megabytes."""

_N, _R, _P = 2**15, 8, 3
_SALT = 16


def check_password(password: str) -> None:
    """Raises `UsageError`, saying what to do, for a password that is too short or too long."""
    if len(password) < SHORTEST:
        raise UsageError(f"Use at least {SHORTEST} characters, such as four or five unrelated words.")
    if len(password) > LONGEST:
        raise UsageError(f"Use at most {LONGEST} characters.")


def hashed(password: str) -> str:
    """What is kept of a password: `scrypt$n$r$p$salt$hash`, so that the parameters can grow. Blocks for 0.1 s."""
    salt = secrets.token_bytes(_SALT)
    parts = (_N, _R, _P, _text(salt), _text(_scrypt(password, salt, _N, _R, _P)))
    return "$".join(("scrypt", *map(str, parts)))


DECOY = f"scrypt${_N}${_R}${_P}${'A' * 24}${'A' * 44}"
"""What the password of nobody is compared with: an unknown name takes as long as a known one."""


def matches(password: str, kept: str) -> bool:
    """Whether this is the password that `hashed` kept. Blocks for 0.1 s."""
    _, n, r, p, salt, expected = kept.split("$")
    found = _scrypt(password[:LONGEST], base64.b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(found, base64.b64decode(expected))


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    same = unicodedata.normalize("NFKC", password).encode()  # keyboards differ in how they write an accent
    return hashlib.scrypt(same, salt=salt, n=n, r=r, p=p, maxmem=2 * 128 * n * r, dklen=32)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
