"""Images that travel inside the request, as data URLs."""

from __future__ import annotations

from binascii import Error as NotBase64
from binascii import a2b_base64

from slipstream.chat.request import Image
from slipstream.errors import InvalidRequest

FORMATS = {
    "image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp",
}  # fmt: skip


def decode(url: str, param: str) -> Image:
    """Turn a data URL into an image. Raises InvalidRequest for any other URL, type or encoding.

    Nothing is fetched from elsewhere: a gateway that follows callers' URLs reaches what only it may reach.
    """
    head, comma, data = url.partition(",")
    scheme, _, media = head.partition(":")
    if scheme.lower() != "data":
        raise _refused("images at a URL are not fetched; send the image itself: data:image/png;base64,…", param)
    media_type, *attributes = media.lower().split(";")
    image_format = FORMATS.get(media_type.strip())
    if image_format is None:
        raise _refused(
            f"the type '{media_type[:40]}' is not one of image/png, image/jpeg, image/gif, image/webp", param
        )
    if not comma or "base64" not in (attribute.strip() for attribute in attributes):
        raise _refused(f"a data URL must look like data:{media_type};base64,…", param)
    if any(space in data for space in "\n\r "):
        data = "".join(data.split())
    try:
        empty = not a2b_base64(data, strict_mode=True)
    except (NotBase64, ValueError) as error:  # ValueError: characters outside ASCII
        raise _refused(f"what follows the comma is not base64 ({error})", param) from None
    if empty:
        raise _refused("the image is empty", param)
    return Image(image_format, data)


def _refused(why: str, param: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid image in '{param}': {why}.", param=param, code="invalid_image")
