"""gunicorn's log in the product's own form: one JSON line an event, a request without its query string."""

import logging
from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger


class WebLog(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """Hands everything to settings.LOGGING instead of gunicorn's own handlers."""

    def setup(self, cfg: Any) -> None:
        self.error_log = logging.getLogger("gunicorn.error")
        self.access_log = logging.getLogger("gunicorn.access")
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """A line a request. Its query string may name people, so only the path is kept."""
        self.access_log.info(
            "request",
            extra={
                "method": environ.get("REQUEST_METHOD", ""),
                "path": environ.get("PATH_INFO", ""),
                "status": resp.status_code,
                "milliseconds": round(request_time.total_seconds() * 1000),
                "source_ip_address": environ.get("REMOTE_ADDR", ""),
            },
        )
