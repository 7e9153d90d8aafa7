"""The overview, and a stage in depth."""

from deploy.grafana.expressions import quantiles, rate, rates, share, total
from deploy.grafana.panels import Dashboard, Panel, Row

_OUTCOMES = "needledrop_stream_outcomes_total"
_COMMITTED = "needledrop_stream_records_committed_total"
_LAG = "needledrop_stream_consumer_lag"
_IN_FLIGHT = "needledrop_stream_records_in_flight"
_FOLLOWERS = 'stage=~"trends|catalog"'


def _stage_row(stage: str, what: str) -> Row:
    one = f'stage="{stage}"'
    return Row(
        f"{stage}: {what}",
        [
            Panel(
                "Records",
                "Records whose outcome is committed, all workers of the stage together.",
                "ops",
                {"committed": rate(_COMMITTED, one)},
                width=6,
            ),
            Panel(
                "Lag",
                "Offsets that the group has not committed; a record written in a transaction is up to two.",
                "short",
                {"lag": total(_LAG, one)},
                width=6,
            ),
            Panel(
                "Time on a record",
                "From its begin to its outputs, before the commit.",
                "s",
                quantiles("needledrop_stream_handle_seconds", one),
                width=6,
            ),
            Panel(
                "Busy",
                "Records in flight as a share of what the stage takes at once: near 1 it needs more workers or cores.",
                "percentunit",
                {"busy": f"{total(_IN_FLIGHT, one)} / {total(f'{_IN_FLIGHT}_limit', one)}"},
                width=6,
                limits=(0.8, 0.95),
            ),
        ],
    )


def _stat(title: str, what: str, unit: str, expression: str, limits: tuple[float, float] | None = None) -> Panel:
    return Panel(title, what, unit, {"": expression}, "stat", 4, limits)


_TOTALS = Row(
    "The whole",
    [
        _stat("Labels a second", "Committed labels.", "ops", rate(_OUTCOMES, 'outcome="labeled"')),
        _stat(
            "p99 to the outcome",
            "From submitted_at to the committed outcome, new submissions only. The objective is 60 s for 99 %.",
            "s",
            "needledrop:end_to_end_seconds:p99_5m",
            (30.0, 60.0),
        ),
        _stat(
            "Late in the last hour",
            "Share of new submissions that took more than 60 s; 1 % is the budget.",
            "percentunit",
            "needledrop:late:ratio_rate1h",
            (0.01, 0.144),
        ),
        _stat(
            "Failures in the last hour",
            "Submissions that ended as failures, superseded replays not counted.",
            "short",
            f'sum(increase({_OUTCOMES}{{outcome="failed", reason!="superseded"}}[1h]))',
            (10, 500),
        ),
        _stat(
            "Unsure",
            "Share of labels of the last hour that the ensemble is unsure of.",
            "percentunit",
            share(
                "sum(increase(needledrop_classifier_unsure_total[1h]))",
                "sum(increase(needledrop_classifier_labels_total[1h]))",
            ),
        ),
        _stat(
            "Waiting tracks",
            "Submissions that no extractor has committed yet.",
            "short",
            total(_LAG, 'stage="extractor"'),
            (5000, 50_000),
        ),
    ],
)

_FOLLOWING = Row(
    "trends and catalog: they follow, and nobody waits for them",
    [
        Panel("Records", "Counted, and shelved.", "ops", rates(_COMMITTED, _FOLLOWERS, by="stage")),
        Panel(
            "Lag", "Offsets behind the labels and failures.", "short", {"{{stage}}": total(_LAG, _FOLLOWERS, "stage")}
        ),
        Panel(
            "Catalog's answers",
            "Until the last byte.",
            "s",
            quantiles("needledrop_catalog_request_seconds"),
        ),
    ],
)

OVERVIEW = Dashboard(
    "needledrop-overview",
    "needledrop: overview",
    "The pipeline as it flows, a row a stage. Begin here.",
    [
        _TOTALS,
        _stage_row("extractor", "fetches, decodes, analyses"),
        _stage_row("classifier", "the networks"),
        _stage_row("projector", "views in Redis"),
        _FOLLOWING,
    ],
)

_CHOSEN = 'stage="$stage"'
_FLOW = Row(
    "Flow",
    [
        Panel(
            "In and out",
            "Records taken and committed.",
            "ops",
            {
                "taken": rate("needledrop_stream_records_taken_total", _CHOSEN),
                "committed": rate(_COMMITTED, _CHOSEN),
            },
        ),
        Panel(
            "Lag by partition",
            "One that alone grows has a slow record at its head.",
            "short",
            {"{{topic}}/{{partition}}": total(_LAG, _CHOSEN, "topic, partition")},
        ),
        Panel(
            "In flight",
            "Records taken and not committed, and how many may be.",
            "short",
            {"in flight": total(_IN_FLIGHT, _CHOSEN), "limit": total(f"{_IN_FLIGHT}_limit", _CHOSEN)},
        ),
    ],
)
_LATENCY = Row(
    "Time",
    [
        Panel("On a record", "Work only.", "s", quantiles("needledrop_stream_handle_seconds", _CHOSEN)),
        Panel("Of a commit", "One transaction.", "s", quantiles("needledrop_stream_commit_seconds", _CHOSEN)),
        Panel(
            "Commits",
            "How they ended. Aborted ones are done again; many of them mean rebalances or slow brokers.",
            "ops",
            rates("needledrop_stream_transactions_total", _CHOSEN, by="outcome"),
        ),
    ],
)
_EXTRACTOR = Row(
    "Extractor",
    [
        Panel("Fetching", "Retries included.", "s", quantiles("needledrop_extractor_fetch_seconds"), width=6),
        Panel("Analysing", "Decoding and signal.", "s", quantiles("needledrop_extractor_analyse_seconds"), width=6),
        Panel(
            "Earlier results",
            "Lookups of content that may be known; `unavailable` is Redis being away.",
            "ops",
            rates("needledrop_extractor_result_lookups_total", by="outcome"),
            width=6,
            stacked=True,
        ),
        Panel(
            "Trouble",
            "Decoding processes replaced, by cause, and fetches tried again, by scheme.",
            "ops",
            {
                **rates("needledrop_extractor_decoder_restarts_total", by="cause"),
                "again {{scheme}}": rate("needledrop_extractor_fetch_retries_total", by="scheme"),
            },
            width=6,
        ),
    ],
)
_CLASSIFIER = Row(
    "Classifier",
    [
        Panel("All networks", "Of one track.", "s", quantiles("needledrop_classifier_inference_seconds")),
        Panel(
            "By graph",
            "Members that were compiled into one graph share its time.",
            "s",
            quantiles("needledrop_classifier_graph_seconds", by="graph"),
        ),
        Panel(
            "Backlog before it",
            "Offsets of features by partition that it has not committed; the extractor waits at the limit.",
            "short",
            {"{{partition}}": "max by (partition) (needledrop_stream_backlog)"},
        ),
    ],
)
_PROCESSES = Row(
    "Processes",
    [
        Panel(
            "CPU",
            "Cores in use by each worker, decoding processes not counted.",
            "short",
            {"{{worker}} {{instance}}": 'rate(process_cpu_seconds_total{job="needledrop"}[$__rate_interval])'},
            width=12,
        ),
        Panel(
            "Memory",
            "Resident, decoding processes not counted.",
            "bytes",
            {"{{worker}} {{instance}}": 'process_resident_memory_bytes{job="needledrop"}'},
            width=12,
        ),
    ],
)
STAGE = Dashboard(
    "needledrop-stage",
    "needledrop: a stage in depth",
    "Where a stage spends its time, and what holds it up.",
    [_FLOW, _LATENCY, _EXTRACTOR, _CLASSIFIER, _PROCESSES],
    by_stage=True,
)
