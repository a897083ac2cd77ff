"""Every metric by its name. `docs/metrics.md` says what each means."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

_WAITS = (5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 24 * 3600)
_HANDLING = (5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 1800, 3600)
_REQUESTING = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Instruments:
    """The metrics of one daemon, in a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.info = Gauge("callbackd_info", "Always 1; which callbackd this is.", ["version"], registry=registry)

        # Counted.
        self.requests = Counter(
            "callbackd_requests", "Requests for a call-back by their result.", ["profile", "result"], registry=registry
        )
        self.request_seconds = Histogram(
            "callbackd_request_seconds",
            "How long a request took until it was kept or refused.",
            registry=registry,
            buckets=_REQUESTING,
        )
        self.attempts = Counter(
            "callbackd_attempts", "Attempts that ended, by outcome.", ["profile", "kind", "outcome"], registry=registry
        )
        self.offers = Counter(
            "callbackd_offers", "Client offers that ended, by outcome.", ["profile", "outcome"], registry=registry
        )
        self.dispositions = Counter(
            "callbackd_dispositions",
            "Call-backs that ended, by disposition.",
            ["profile", "disposition"],
            registry=registry,
        )
        self.reschedules = Counter(
            "callbackd_reschedules", "Further attempts that were decided on.", ["profile", "kind"], registry=registry
        )
        self.wait = Histogram(
            "callbackd_wait_seconds",
            "From the request, or the time asked for, to the start of the first attempt.",
            ["profile"],
            registry=registry,
            buckets=_WAITS,
        )
        self.answer_to_bridge = Histogram(
            "callbackd_answer_to_bridge_seconds",
            "From the client's answer, as callbackd learns of it, until nothing of ours is between client and agent.",
            ["profile"],
            registry=registry,
            buckets=_REQUESTING,
        )
        self.agent_seconds = Histogram(
            "callbackd_agent_seconds_per_completed",
            "Seconds that agents were on the line in all attempts of a call-back that was completed.",
            ["profile"],
            registry=registry,
            buckets=_HANDLING,
        )

        # Looked up.
        self.database_damaged = Gauge(
            "callbackd_database_damaged",
            "1 if the last look at the whole database, once a day, found damage.",
            registry=registry,
        )
        self.callbacks = Gauge(
            "callbackd_callbacks",
            "Call-backs that have not ended, by state.",
            ["profile", "state"],
            registry=registry,
        )
        self.profile_open = Gauge("callbackd_profile_open", "1 inside target hours.", ["profile"], registry=registry)
        self.profile_paused = Gauge(
            "callbackd_profile_paused",
            "1 while that part is paused: intake; dialling, also by a limit of 0.",
            ["profile", "part"],
            registry=registry,
        )
        self.target_resting = Gauge(
            "callbackd_target_resting", "1 while a target rests: nobody answered there.", ["profile"], registry=registry
        )
        self.route_paused = Gauge(
            "callbackd_route_paused",
            "1 while a route is paused or probed: calls failed in a row.",
            ["profile"],
            registry=registry,
        )
        self.ari_state = Gauge(
            "callbackd_ari_state", "1 of the state in which the link to Asterisk is.", ["state"], registry=registry
        )
        self.outbox_last = Gauge("callbackd_outbox_last_event", "Id of the last event.", registry=registry)
        self.outbox_lag = Gauge(
            "callbackd_outbox_lag_events",
            "Ids between the last event and the last one that a consumer has confirmed.",
            ["consumer"],
            registry=registry,
        )
        self.tasks = Gauge("callbackd_tasks", "asyncio tasks that exist.", registry=registry)
        self.kept = Gauge(
            "callbackd_kept",
            "What is kept in memory for those on the phone, by kind; all are 0 when nobody is.",
            ["kind"],
            registry=registry,
        )
        self.counting_behind = Gauge(
            "callbackd_metrics_lag_events",
            "Ids between the last event and the last one that these metrics have counted.",
            registry=registry,
        )
