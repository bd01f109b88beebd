"""The id that a reply carries so that its reader can say what the answer was worth (``slipstream.cache.feedback``).

It names keys, never whose they are: whoever acts on one takes the namespace from the caller, so that an id of somebody
else finds nothing. It is readable by anybody and not signed, since a key's hash tells nothing of what was asked.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from slipstream.errors import InvalidRequest

VERSION = 1
PARAM = "id"
LONGEST = 512
"""Characters; what is longer is no id of ours."""
_HASH = re.compile(r"[0-9a-f]{64}")
_ENTRY = re.compile(r"[0-9A-Za-z]{1,64}")
_ALPHABET = re.compile(r"[0-9A-Za-z_-]+")


class FeedbackId(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, and which answer was given for it.

    ``asked`` and ``answer`` are keys of the exact cache (64 hexadecimal digits), equal for an exact hit; ``entry`` is
    the answer's ``Head.entry_id``; ``family`` is everything of the request but its last user turn, as a hash, empty
    where the request has none.
    """

    asked: str
    answer: str
    entry: str
    family: str

    @property
    def semantic(self) -> bool:
        """Whether the answer was another question's."""
        return self.asked != self.answer


class _Wire(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    asked: bytes
    answer: bytes
    family: bytes
    entry: str


_decoder = msgspec.msgpack.Decoder(_Wire)


def encode(feedback: FeedbackId) -> str:
    """Base64url without padding, at most ``LONGEST`` characters (about 185)."""
    wire = _Wire(
        VERSION,
        bytes.fromhex(feedback.asked),
        b"" if feedback.answer == feedback.asked else bytes.fromhex(feedback.answer),
        bytes.fromhex(feedback.family),
        feedback.entry,
    )
    return urlsafe_b64encode(msgspec.msgpack.encode(wire)).rstrip(b"=").decode()


def decode(text: str) -> FeedbackId:
    """Read an id. Raises InvalidRequest for what ``encode`` never made."""
    if len(text) > LONGEST or not _ALPHABET.fullmatch(text):
        raise _no_id()
    try:
        wire = _decoder.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (msgspec.MsgspecError, ValueError):
        raise _no_id() from None
    if wire.version != VERSION:
        raise InvalidRequest(
            f"this id has version {wire.version}, and this gateway reads {VERSION}: ask again, and send the id of that "
            "reply",
            param=PARAM,
        )
    found = FeedbackId(
        asked=wire.asked.hex(), answer=(wire.answer or wire.asked).hex(), entry=wire.entry, family=wire.family.hex()
    )
    hashes = (found.asked, found.answer, found.family or found.asked)
    if not all(map(_HASH.fullmatch, hashes)) or not _ENTRY.fullmatch(found.entry) or encode(found) != text:
        raise _no_id()
    return found


def _no_id() -> InvalidRequest:
    return InvalidRequest("this is no id of an answer: send a reply's slipstream.cache.feedback as it is", param=PARAM)
