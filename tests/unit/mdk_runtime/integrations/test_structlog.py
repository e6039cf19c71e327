"""structlog's JSON, by way of standard logging, in the session's trace."""

from __future__ import annotations

import json
import logging

import structlog

from mdk.logging import MDKHandler
from mdk.testing import FakeMDK


def test_structured_events_arrive_whole(fake_mdk: FakeMDK) -> None:
    """The text is the JSON that structlog renders; level, category and trace are the MDK's own."""
    logger = logging.getLogger("shop.structured")
    handler = MDKHandler(fake_mdk)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    log = structlog.wrap_logger(
        logger,
        processors=[structlog.stdlib.add_log_level, structlog.processors.JSONRenderer(sort_keys=True)],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    try:
        with fake_mdk.session() as session:
            log.bind(user=7).warning("sold", items=["tea", "ä"])
    finally:
        logger.removeHandler(handler)
    (said,) = fake_mdk.said
    assert (said.level, said.category, said.trace_id) == ("WARN", "shop.structured", session.trace_id)
    assert json.loads(said.text) == {"event": "sold", "items": ["tea", "ä"], "level": "warning", "user": 7}
