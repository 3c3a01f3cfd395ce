"""A server with TLS, asked at an address that its certificate does not name."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import urllib3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import HTTPClientError

CONNECT_SECONDS, READ_SECONDS = 5, 60


class NamedServer:
    """Sends what botocore has prepared for ``name`` to ``address``, and has the certificate be for ``name``.

    A handler of botocore's event ``before-send``. ``authority`` is a file with the certificates to trust, None for
    those that the machine trusts anyway. Raises HTTPClientError, after which botocore asks again.
    """

    def __init__(self, name: str, address: str, port: int, authority: str | None) -> None:
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        self._pool = urllib3.HTTPSConnectionPool(
            address, port, server_hostname=name, ca_certs=authority, timeout=timeout, retries=False
        )

    def __call__(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        target = urlsplit(request.url)
        path = f"{target.path}?{target.query}" if target.query else target.path
        # What was signed: urllib3 itself would say the address.
        headers = {**request.headers, "Host": target.netloc}
        try:
            answer = self._pool.urlopen(
                request.method, path, request.body, headers, preload_content=False, decode_content=False
            )
            found = AWSResponse(request.url, answer.status, answer.headers, answer)
            if not request.stream_output:
                found.content  # noqa: B018 - it is read here, and kept
        except urllib3.exceptions.HTTPError as error:
            raise HTTPClientError(error=error) from error
        return found
