"""What comes out, and what it costs."""

from deploy.grafana.expressions import rate, rates, share
from deploy.grafana.panels import Dashboard, Panel, Row

_LABELS = "needledrop_classifier_labels_total"
_OUTCOMES = "needledrop_stream_outcomes_total"
_COMMITTED = "needledrop_stream_records_committed_total"
_CPU = "process_cpu_seconds_total"

LABELS = Dashboard(
    "needledrop-labels",
    "needledrop: labels",
    "What comes out: genres, doubts, drift, failures.",
    [
        Row(
            "Labels",
            [
                Panel(
                    "Genres", "Labels by their first genre.", "ops", rates(_LABELS, by="genre"), width=12, stacked=True
                ),
                Panel(
                    "Unsure",
                    "Share of labels.",
                    "percentunit",
                    {"unsure": share(rate("needledrop_classifier_unsure_total"), rate(_LABELS))},
                    width=6,
                ),
                Panel(
                    "From the cache",
                    "Labels by where their result came from.",
                    "ops",
                    rates("needledrop_classifier_results_total", by="source"),
                    width=6,
                    stacked=True,
                ),
            ],
        ),
        Row(
            "Drift, against the week before",
            [
                Panel(
                    "Genre mix",
                    "0: as a week ago; 1: nothing in common. Empty in the first week.",
                    "percentunit",
                    {"drift": "needledrop:genre_drift:ratio7d"},
                    width=12,
                    limits=(0.2, 0.3),
                ),
                Panel(
                    "Genres of the last day",
                    "Shares of labels.",
                    "percentunit",
                    {"{{genre}}": "needledrop:genre_share:ratio1d"},
                    width=12,
                    stacked=True,
                ),
            ],
        ),
        Row(
            "Failures",
            [
                Panel(
                    "By reason",
                    "Submissions that ended without a label.",
                    "ops",
                    rates(_OUTCOMES, 'outcome="failed"', by="reason"),
                    width=12,
                    stacked=True,
                ),
                Panel(
                    "Replays and relabels",
                    "How conditional submissions end.",
                    "ops",
                    rates(_OUTCOMES, 'submission!="new"', by="submission, outcome"),
                    width=12,
                ),
            ],
        ),
    ],
)

CAPACITY = Dashboard(
    "needledrop-capacity",
    "needledrop: capacity",
    "What a track costs here, and what saturates first.",
    [
        Row(
            "Cost",
            [
                Panel(
                    "Records a second and worker",
                    "By stage, of the workers that there are.",
                    "ops",
                    {
                        "{{stage}}": f"{rate(_COMMITTED, by='stage')} "
                        "/ count by (stage) (needledrop_stream_records_in_flight_limit > 0)"
                    },
                    width=12,
                ),
                Panel(
                    "Classifier's core seconds a track",
                    "CPU of its processes over what they commit.",
                    "s",
                    {"classifier": share(rate(_CPU, 'worker="classifier"'), rate(_COMMITTED, 'stage="classifier"'))},
                    width=12,
                ),
            ],
        ),
        Row(
            "Saturation",
            [
                Panel(
                    "Busy",
                    "The stage that is near 1 while others are not is the one to scale.",
                    "percentunit",
                    {"{{stage}}": "needledrop:stage_saturation:ratio"},
                    width=12,
                    limits=(0.8, 0.95),
                ),
                Panel(
                    "Held back",
                    "Share of the time that the extractor waits for the classifier.",
                    "percentunit",
                    {"": 'avg(avg_over_time(needledrop_stream_held_back{stage="extractor"}[$__rate_interval]))'},
                    width=12,
                    limits=(0.5, 0.8),
                ),
            ],
        ),
    ],
)
