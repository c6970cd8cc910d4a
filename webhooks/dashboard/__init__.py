"""The operators' pages: looking and acting, for people who are logged in with an API key. Their routes are one table.

A page asks through the API's own handlers, in the same process, as the person who looks; it calls no ERP. What moves by itself is a block
of its template whose name begins with `live`, asked for alone by `?part=<name>`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhooks.api import BATCH_LIMIT
from webhooks.dashboard import leaving
from webhooks.dashboard.batches import acts as batch_acts
from webhooks.dashboard.batches import listing as batch_list
from webhooks.dashboard.batches import new as batch_new
from webhooks.dashboard.batches import page as batch_page
from webhooks.dashboard.batches import results as batch_results
from webhooks.dashboard.controls import limits as connection_limits
from webhooks.dashboard.controls import page as controls
from webhooks.dashboard.controls import record
from webhooks.dashboard.deliveries import listing as deliveries
from webhooks.dashboard.deliveries import page as delivery
from webhooks.dashboard.deliveries import replay as delivery_replay
from webhooks.dashboard.deliveries import trial as delivery_test
from webhooks.dashboard.failures import acts as failure_acts
from webhooks.dashboard.failures import listing as failures
from webhooks.dashboard.failures import page as failure
from webhooks.dashboard.job import acts as job_acts
from webhooks.dashboard.job import page as job
from webhooks.dashboard.jobs import acting, actions
from webhooks.dashboard.jobs import file as jobs_file
from webhooks.dashboard.jobs import listing as jobs
from webhooks.dashboard.jobs import views as keeping_views
from webhooks.dashboard.kits import acts as kit_acts
from webhooks.dashboard.kits import listing as kits
from webhooks.dashboard.kits import page as kit_page
from webhooks.dashboard.today import page as today
from webhooks.dashboard.visiting import PageRoute

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGES: Final[Sequence[PageRoute]] = (
    PageRoute("GET", "/", "view", today.shown),
    PageRoute("GET", "/batches", "view", batch_list.listed),
    PageRoute("GET", "/batches/new", "operate", batch_new.shown),
    PageRoute("POST", "/batches/new", "operate", batch_new.make, BATCH_LIMIT),
    PageRoute("GET", "/batches/<id>", "view", batch_page.shown),
    PageRoute("GET", "/batches/<id>/results.csv", "view", batch_results.download),
    PageRoute("POST", "/batches/<id>/pause", "operate", batch_acts.pause),
    PageRoute("POST", "/batches/<id>/resume", "operate", batch_acts.resume),
    PageRoute("POST", "/batches/<id>/cancel", "operate", batch_acts.cancel),
    PageRoute("POST", "/batches/<id>/replay", "operate", batch_acts.replay),
    PageRoute("POST", "/batches/<id>/actions/<action>/stop", "operate", batch_acts.stop),
    PageRoute("GET", "/jobs", "view", jobs.listed),
    PageRoute("GET", "/jobs/<id>", "view", job.shown),
    PageRoute("GET", "/jobs/<id>/exchanges/<number>", "view", job.exchange),
    PageRoute("GET", "/jobs/<id>/result", "view", job.result),
    PageRoute("GET", "/jobs/<id>/edit", "operate", job_acts.editor),
    PageRoute("POST", "/jobs/<id>/edit", "operate", job_acts.edit),
    PageRoute("POST", "/jobs/<id>/replay", "operate", job_acts.replay),
    PageRoute("POST", "/jobs/<id>/cancel", "operate", job_acts.cancel),
    PageRoute("POST", "/jobs/<id>/discard", "operate", job_acts.discard),
    PageRoute("POST", "/jobs/<id>/ask", "operate", job_acts.ask),
    PageRoute("POST", "/jobs/<id>/done", "operate", job_acts.done),
    PageRoute("POST", "/jobs/<id>/look", "operate", job_acts.look),
    PageRoute("GET", "/jobs/act", "operate", acting.asked),
    PageRoute("POST", "/jobs/act", "operate", acting.begin),
    PageRoute("GET", "/actions", "view", actions.listed),
    PageRoute("GET", "/actions/<id>", "view", actions.shown),
    PageRoute("POST", "/actions/<id>/stop", "operate", actions.stop),
    PageRoute("GET", "/connections", "view", controls.shown),
    PageRoute("GET", "/connections/record", "view", record.shown),
    PageRoute("POST", "/connections/<tenant>/compare", "operate", controls.compare),
    PageRoute("GET", "/connections/<tenant>/<erp>", "admin", connection_limits.shown),
    PageRoute("POST", "/connections/<tenant>/<erp>", "admin", connection_limits.changed),
    PageRoute("POST", "/connections/<tenant>/<erp>/pause", "admin", controls.pause),
    PageRoute("POST", "/connections/<tenant>/<erp>/resume", "admin", controls.resume),
    PageRoute("GET", "/failures", "view", failures.listed),
    PageRoute("GET", "/failures/<id>", "view", failure.shown),
    PageRoute("POST", "/failures/<id>/acknowledge", "operate", failure_acts.acknowledge),
    PageRoute("POST", "/failures/<id>/reopen", "operate", failure_acts.reopen),
    PageRoute("GET", "/deliveries", "view", deliveries.listed),
    PageRoute("GET", "/deliveries/test", "operate", delivery_test.shown),
    PageRoute("POST", "/deliveries/test", "operate", delivery_test.sent, delivery_test.LIMIT),
    PageRoute("GET", "/deliveries/replay", "operate", delivery_replay.range_asked),
    PageRoute("POST", "/deliveries/replay", "operate", delivery_replay.range_replay),
    PageRoute("GET", "/deliveries/<id>", "view", delivery.shown),
    PageRoute("GET", "/deliveries/<id>/body", "view", delivery.body),
    PageRoute("GET", "/deliveries/<id>/replay", "operate", delivery_replay.asked),
    PageRoute("POST", "/deliveries/<id>/replay", "operate", delivery_replay.replay),
    PageRoute("GET", "/jobs.csv", "view", jobs_file.download),
    PageRoute("POST", "/jobs/views", "view", keeping_views.keep),
    PageRoute("POST", "/jobs/views/drop", "view", keeping_views.drop),
    PageRoute("GET", "/kits", "view", kits.listed),
    PageRoute("GET", "/kits/<path:code>", "view", kit_page.shown),
    PageRoute("POST", "/kits/read", "operate", kit_acts.read),
    PageRoute("POST", "/kits/sync", "operate", kit_acts.sync),
    PageRoute("POST", "/logout", "view", leaving.logout),
)
