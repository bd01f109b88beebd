"""A parameter under the name by which its caller knows it: the core has one name for each, every wire its own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from slipstream.errors import SlipstreamError


def renamed(error: SlipstreamError, names: Mapping[str, str]) -> SlipstreamError:
    """The same error with ``param`` as the caller wrote it; ``names`` maps the core's names to the wire's.

    In the message too, where it begins with the name or has it in quotes: that is how the core names a parameter.
    """
    if error.param is not None and (name := names.get(error.param)) is not None:
        error.message = re.sub(rf"(^|'){re.escape(error.param)}(?![\w.\[])", rf"\g<1>{name}", error.message)
        error.param = name
    return error
