"""What nobody foresaw, made safe: the caller gets a request id, the log the place, nobody the exception's text."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import msgspec

from slipstream.chat.events import Event, Failed
from slipstream.errors import ClientGone, SlipstreamError


def unexpected(error: BaseException, request_id: str) -> SlipstreamError:
    """Write one log line (type and place: a message may quote the prompt) and hand back what the caller is told."""
    place, trace = "", error.__traceback__
    while trace is not None:
        place, trace = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}", trace.tb_next
    line = {"level": "ERROR", "event": "unexpected", "type": type(error).__name__, "at": place}
    line["request_id"] = request_id
    sys.stderr.write(msgspec.json.encode(line).decode() + "\n")
    return SlipstreamError(
        f"the gateway failed in a way that it should not; tell its operator this request id: {request_id}",
        retryable=True,
    )


def guarded(events: Iterator[Event], request_id: str) -> Iterator[Event]:
    """Hand ``events`` on; an unforeseen exception among them becomes Failed, so that the wire can say it."""
    try:
        yield from events
    except (ClientGone, GeneratorExit):
        raise
    except SlipstreamError as error:
        yield Failed(error)
    except Exception as error:
        yield Failed(unexpected(error, request_id))
    finally:
        if (close := getattr(events, "close", None)) is not None:
            close()
