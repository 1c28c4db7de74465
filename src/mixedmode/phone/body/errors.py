"""Why a download did not work."""

from __future__ import annotations

from mixedmode.errors import RemoteError


class FileNotFoundOnServer(RemoteError):  # noqa: N818 - the phone's own words: "File Not Found"
    """The server answered that it has no such file."""

    default_code = "file-not-found"


class TransferFailed(RemoteError):  # noqa: N818 - the phone's own words
    """The file did not come: no answer, a refusal, a broken answer, or too many bytes."""

    default_code = "transfer-failed"
