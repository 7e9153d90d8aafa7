"""The overview, and a stage in depth."""

from deploy.grafana.panels import Dashboard, Panel, Row, quantiles


def _stage_row(stage: str, what: str) -> Row:
    one = f'stage="{stage}"'
    return Row(
        f"{stage}: {what}",
        [
            Panel(
                "Records",
                "Records whose outcome is committed, all workers of the stage together.",
                "ops",
                {"committed": f"sum(rate(needledrop_stream_records_committed_total{{{one}}}[$__rate_interval]))"},
                width=6,
            ),
            Panel(
                "Lag",
                "Offsets that the group has not committed; a record written in a transaction is up to two.",
                "short",
                {"lag": f"sum(needledrop_stream_consumer_lag{{{one}}})"},
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
                {
                    "busy": f"sum(needledrop_stream_records_in_flight{{{one}}}) "
                    f"/ sum(needledrop_stream_records_in_flight_limit{{{one}}})"
                },
                width=6,
                limits=(0.8, 0.95),
            ),
        ],
    )


_TOTALS = Row(
    "The whole",
    [
        Panel(
            "Labels a second",
            "Committed labels.",
            "ops",
            {"": 'sum(rate(needledrop_stream_outcomes_total{outcome="labeled"}[$__rate_interval]))'},
            "stat",
            4,
        ),
        Panel(
            "p99 to the outcome",
            "From submitted_at to the committed outcome, new submissions only. The objective is 60 s for 99 %.",
            "s",
            {"": "needledrop:end_to_end_seconds:p99_5m"},
            "stat",
            4,
            (30.0, 60.0),
        ),
        Panel(
            "Late in the last hour",
            "Share of new submissions that took more than 60 s; 1 % is the budget.",
            "percentunit",
            {"": "needledrop:late:ratio_rate1h"},
            "stat",
            4,
            (0.01, 0.144),
        ),
        Panel(
            "Failures in the last hour",
            "Submissions that ended as failures, superseded replays not counted.",
            "short",
            {"": 'sum(increase(needledrop_stream_outcomes_total{outcome="failed", reason!="superseded"}[1h]))'},
            "stat",
            4,
            (10, 500),
        ),
        Panel(
            "Unsure",
            "Share of labels of the last hour that the ensemble is unsure of.",
            "percentunit",
            {
                "": "sum(increase(needledrop_classifier_unsure_total[1h])) "
                "/ (sum(increase(needledrop_classifier_labels_total[1h])) > 0)"
            },
            "stat",
            4,
        ),
        Panel(
            "Waiting tracks",
            "Submissions that no extractor has committed yet.",
            "short",
            {"": 'sum(needledrop_stream_consumer_lag{stage="extractor"})'},
            "stat",
            4,
            (5000, 50_000),
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
    ],
)

_LATENCY = Row(
    "Time",
    [
        Panel("On a record", "Work only.", "s", quantiles("needledrop_stream_handle_seconds", 'stage="$stage"')),
        Panel("Of a commit", "One transaction.", "s", quantiles("needledrop_stream_commit_seconds", 'stage="$stage"')),
        Panel(
            "Commits",
            "How they ended. Aborted ones are done again; many of them mean rebalances or slow brokers.",
            "ops",
            {
                "{{outcome}}": "sum by (outcome) "
                '(rate(needledrop_stream_transactions_total{stage="$stage"}[$__rate_interval]))'
            },
        ),
    ],
)
_FLOW = Row(
    "Flow",
    [
        Panel(
            "In and out",
            "Records taken and committed.",
            "ops",
            {
                "taken": 'sum(rate(needledrop_stream_records_taken_total{stage="$stage"}[$__rate_interval]))',
                "committed": 'sum(rate(needledrop_stream_records_committed_total{stage="$stage"}[$__rate_interval]))',
            },
        ),
        Panel(
            "Lag by partition",
            "One that alone grows has a slow record at its head.",
            "short",
            {"{{topic}}/{{partition}}": 'sum by (topic, partition) (needledrop_stream_consumer_lag{stage="$stage"})'},
        ),
        Panel(
            "In flight",
            "Records taken and not committed, and how many may be.",
            "short",
            {
                "in flight": 'sum(needledrop_stream_records_in_flight{stage="$stage"})',
                "limit": 'sum(needledrop_stream_records_in_flight_limit{stage="$stage"})',
            },
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
            {"{{outcome}}": "sum by (outcome) (rate(needledrop_extractor_result_lookups_total[$__rate_interval]))"},
            width=6,
            stacked=True,
        ),
        Panel(
            "Trouble",
            "Decoding processes replaced, by cause, and fetches tried again, by scheme.",
            "ops",
            {
                "{{cause}}": "sum by (cause) (rate(needledrop_extractor_decoder_restarts_total[$__rate_interval]))",
                "again {{scheme}}": "sum by (scheme) "
                "(rate(needledrop_extractor_fetch_retries_total[$__rate_interval]))",
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
