"""Our loop over the Lambda Runtime API, because the managed Python runtime's own loop cannot stream.

AWS_LAMBDA_EXEC_WRAPPER (bootstrap.sh) starts it in place of awslambdaric. ``_HANDLER`` names a function
without arguments (``handlers.chat.build``) that builds the App and its restore hook while the environment initialises.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable

import msgspec

from slipstream.disconnect import Disconnect
from slipstream.errors import ClientGone
from slipstream.gateway.http import App, HttpResponse
from slipstream.runtime.lambda_event import decode
from slipstream.runtime.response_stream import ReaderGone, ResponseStream
from slipstream.runtime.runtime_api import Invocation, RuntimeApi

TRACE = "_X_AMZN_TRACE_ID"
Build = Callable[[], tuple[App, Callable[[], None]]]
"""Makes an App, and what has to run after a SnapStart restore."""


class ResponseGone(Disconnect):
    """Watches the response's connection. Lambda never closes it early (a client's leaving is not told to a function);
    a local host does. ``ends_s`` is the function's time limit.
    """

    def __init__(self, stream: ResponseStream, ends_s: float | None) -> None:
        self._stream = stream
        self.ends_s = ends_s

    def fileno(self) -> int | None:
        """Descriptor that becomes readable when the local host has closed."""
        return self._stream.fileno()

    def gone(self) -> bool:
        """Whether it has."""
        return self._stream.gone()


def main() -> None:
    """Initialise, then serve until the environment ends. Exits with status 1 where it cannot start."""
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    gc.disable()  # nothing that init makes is garbage: collecting would only search it
    try:
        app, restore = load(os.environ["_HANDLER"])()
    except BaseException as error:
        log(error, "init")
        api.report("/init/error", error, f"Runtime.{_init_kind(error)}")
        sys.exit(1)
    gc.freeze()
    gc.enable()
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        _restored(api, restore)
    while True:
        serve(api, app, api.next())


def load(handler: str) -> Build:
    """Import ``package.module.function``.

    Raises ImportError or AttributeError where the name leads nowhere, TypeError where it is no function.
    """
    module_name, _, attribute = handler.rpartition(".")
    __import__(module_name)
    build: Build = getattr(sys.modules[module_name], attribute)
    if not callable(build):
        raise TypeError(f"{handler} is no function that builds an App and its restore hook")
    return build


def _init_kind(error: BaseException) -> str:
    if isinstance(error, ImportError):
        return "ImportModuleError"
    if isinstance(error, AttributeError):
        return "HandlerNotFound"
    return type(error).__name__


def _restored(api: RuntimeApi, restore: Callable[[], None]) -> None:
    """Let the snapshot be taken; afterwards this is one of many equal copies."""
    api.restore_next()
    try:
        if "random" in sys.modules:
            sys.modules["random"].seed()  # every copy would draw the same numbers
        restore()
    except BaseException as error:
        log(error, "restore")
        api.report("/restore/error", error, f"Runtime.{type(error).__name__}")
        sys.exit(1)


def serve(api: RuntimeApi, app: App, invocation: Invocation) -> None:
    """Answer one event; whatever goes wrong with it is reported, and the next event finds the loop unharmed."""
    if invocation.trace_id is None:
        os.environ.pop(TRACE, None)
    else:
        os.environ[TRACE] = invocation.trace_id
    stream = api.open_response(invocation.request_id)
    response: HttpResponse | None = None
    try:
        request = decode(
            invocation.event, disconnect=ResponseGone(stream, invocation.deadline_s), deadline_s=invocation.deadline_s
        )
        request.request_id = request.request_id or invocation.request_id
        response = app(request)
        _send(stream, response)
    except (ReaderGone, ClientGone):
        stream.close()  # nobody is left to be told
    except Exception as error:
        _broken(api, stream, error, invocation.request_id)
    finally:
        if response is not None:
            _settle(response, invocation.request_id)
        _end(stream, invocation.request_id)


def _send(stream: ResponseStream, response: HttpResponse) -> None:
    """Pass the body on item by item. The first item shares its write with the head: one packet less to wait for."""
    body = response.body
    if isinstance(body, tuple | list):
        stream.start(response.status, response.headers, b"".join(body), last=True)
        return
    items = iter(body)
    try:
        stream.start(response.status, response.headers, next(items, b""))
        for item in items:
            stream.write(item)
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()
    stream.finish()


def _broken(api: RuntimeApi, stream: ResponseStream, error: Exception, request_id: str) -> None:
    log(error, request_id)
    try:
        if stream.started:
            stream.fail(error)
        else:
            api.report(f"/invocation/{request_id}/error", error, f"Runtime.{type(error).__name__}")
    except (OSError, ReaderGone) as failure:
        log(failure, request_id)


def _settle(response: HttpResponse, request_id: str) -> None:
    """What was put off until the last byte had gone. Its failure is no failure of the answer."""
    try:
        response.settle()
    except Exception as error:
        log(error, request_id)


def _end(stream: ResponseStream, request_id: str) -> None:
    """See the answer taken, and leave nothing in buffers that a freeze would hold back."""
    try:
        if stream.ended:
            stream.wait()
        stream.close()
    except Exception as error:
        log(error, request_id)
    sys.stdout.flush()
    sys.stderr.flush()


def log(error: BaseException, request_id: str) -> None:
    """One JSON line: the error's type and where it arose. Never its message, which may quote a prompt."""
    where = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        where.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    line = {"level": "ERROR", "requestId": request_id, "errorType": type(error).__name__, "stackTrace": where[-12:]}
    sys.stderr.write(msgspec.json.encode(line).decode() + "\n")
    sys.stderr.flush()
