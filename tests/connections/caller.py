"""A process of its own that calls a target through a limit, in several threads."""

import sys
import threading
import time

import django

django.setup()

from apps.connections.limits import DatabaseLimiter  # noqa: E402
from apps.core.gateway import GatewayError, Request, SendContext, send  # noqa: E402


def main(url: str, limit_key: str, threads: int, calls: int, block_seconds: float) -> None:
    limiter = DatabaseLimiter(block_seconds=block_seconds)
    context = SendContext(limit_key=limit_key, limiter=limiter)

    def work() -> None:
        done = 0
        while done < calls:
            try:
                send(Request("GET", url), context=context)
                done += 1
            except GatewayError as error:
                if error.code != "gateway.retry_later":
                    raise
                time.sleep(0.02)

    running = [threading.Thread(target=work) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    limiter.return_idle()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
