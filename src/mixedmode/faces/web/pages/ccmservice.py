"""Cisco Unified Serviceability: services, traces, alarms, the audit log."""

from __future__ import annotations

from typing import Final

from mixedmode.control.acts import SHOW_AUDIT
from mixedmode.faces.web.kit.events import Topic
from mixedmode.faces.web.kit.navigation import CCMSERVICE
from mixedmode.faces.web.kit.page import Page
from mixedmode.faces.web.serviceability import control_center, log_pages, trace_page

_TOOLS: Final = (CCMSERVICE, "Tools")
PAGES: Final[tuple[Page, ...]] = (
    Page(control_center.PATH, "Control Center", control_center.services, crumbs=_TOOLS),
    Page(
        f"{control_center.PATH}/{{verb}}",
        "Service",
        control_center.service_act,
        crumbs=(*_TOOLS, "Control Center"),
        menu=control_center.PATH,
        posts=True,
        sample=f"{control_center.PATH}/restart?service=Cisco%20Tftp",
    ),
    Page(trace_page.PATH, "Trace", trace_page.traces, crumbs=(CCMSERVICE, "Trace")),
    Page(log_pages.ALARMS_PATH, "Alarms", log_pages.alarms, crumbs=(CCMSERVICE, "Alarm")),
    Page(log_pages.AUDIT_PATH, "Audit Log", log_pages.audit, level=SHOW_AUDIT.level, crumbs=_TOOLS),
)
TOPICS: Final = (
    Topic("trace", trace_page.trace_state, seconds=1.0),
    Topic("acts", lambda desk, _which: [each.document() for each in desk.dock.shown()], seconds=5.0),
    Topic(
        "services",
        lambda desk, _which: [
            [each.node, each.service.value, each.started is not None, each.restarts] for each in desk.cluster.services()
        ],
    ),
)
