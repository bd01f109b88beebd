"""ULIDs: 48 bits of time in ms and 80 random bits, in Crockford's base 32, so that ids sort by age.

Layout and alphabet: github.com/ulid/spec.
"""

from __future__ import annotations

from os import urandom

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 26
_TIME_BITS, _RANDOM_BITS = 48, 80
_PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
"""Two signs at once: an id is made for each request."""


def new_ulid(now_s: float) -> str:
    """A new id of the Unix time ``now_s``, which nobody can guess."""
    return ulid(int(now_s * 1000), urandom(10))


def ulid(now_ms: int, entropy: bytes) -> str:
    """Return the ULID of ``now_ms`` (Unix time, ms) and ten bytes of ``entropy``.

    Raises ValueError if the time does not fit 48 bits or the entropy is not ten bytes long.
    """
    if not 0 <= now_ms < 1 << _TIME_BITS:
        raise ValueError(f"a ULID's time is a count of ms below 2**{_TIME_BITS}, not {now_ms}")
    if len(entropy) * 8 != _RANDOM_BITS:
        raise ValueError(f"a ULID needs {_RANDOM_BITS // 8} random bytes, not {len(entropy)}")
    number = now_ms << _RANDOM_BITS | int.from_bytes(entropy, "big")
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(5 * (LENGTH - 2), -1, -10)])
