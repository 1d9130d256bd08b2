"""Requests that are repeated where that may help: the server did not answer, or the connection broke."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from onfh_nnunet.core.errors import PacsUnreachable
from onfh_nnunet.core.run_log import LOGGER

Answer = TypeVar("Answer")

WAITS_S = (1.0, 5.0)
"""Before the second and the third request, which is the last."""


def retried(request: Callable[[], Answer]) -> Answer:
    """The answer to a request that may be repeated without harm.

    Raises:
        PacsError: It was refused, which is not repeated; or the server was not reached three times.
    """
    for wait_s in WAITS_S:
        try:
            return request()
        except PacsUnreachable as error:
            LOGGER.warning("%s; asked again in %g s", error, wait_s)
            time.sleep(wait_s)
    return request()
