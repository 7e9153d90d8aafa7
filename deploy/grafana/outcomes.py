"""What comes out, and what it costs."""

from deploy.grafana.panels import Dashboard, Panel, Row

LABELS = Dashboard(
    "needledrop-labels",
    "needledrop: labels",
    "What comes out: genres, doubts, drift, failures.",
    [
        Row(
            "Labels",
            [
                Panel(
                    "Genres",
                    "Labels by their first genre.",
                    "ops",
                    {"{{genre}}": "sum by (genre) (rate(needledrop_classifier_labels_total[$__rate_interval]))"},
                    width=12,
                    stacked=True,
                ),
                Panel(
                    "Unsure",
                    "Share of labels.",
                    "percentunit",
                    {
                        "unsure": "sum(rate(needledrop_classifier_unsure_total[$__rate_interval])) "
                        "/ (sum(rate(needledrop_classifier_labels_total[$__rate_interval])) > 0)"
                    },
                    width=6,
                ),
                Panel(
                    "From the cache",
                    "Labels by where their result came from.",
                    "ops",
                    {"{{source}}": "sum by (source) (rate(needledrop_classifier_results_total[$__rate_interval]))"},
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
                    {
                        "{{reason}}": "sum by (reason) "
                        '(rate(needledrop_stream_outcomes_total{outcome="failed"}[$__rate_interval]))'
                    },
                    width=12,
                    stacked=True,
                ),
                Panel(
                    "Replays and relabels",
                    "How conditional submissions end.",
                    "ops",
                    {
                        "{{submission}} {{outcome}}": "sum by (submission, outcome) "
                        '(rate(needledrop_stream_outcomes_total{submission!="new"}[$__rate_interval]))'
                    },
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
                    "Tracks a second and worker",
                    "By stage, of the workers that there are.",
                    "ops",
                    {
                        "{{stage}}": "sum by (stage) "
                        "(rate(needledrop_stream_records_committed_total[$__rate_interval])) "
                        "/ count by (stage) (needledrop_stream_records_in_flight_limit > 0)"
                    },
                    width=12,
                ),
                Panel(
                    "Classifier's core seconds a track",
                    "CPU of its processes over what they commit.",
                    "s",
                    {
                        "classifier": 'sum(rate(process_cpu_seconds_total{worker="classifier"}[$__rate_interval])) '
                        '/ (sum(rate(needledrop_stream_records_committed_total{stage="classifier"}[$__rate_interval])) '
                        "> 0)"
                    },
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
                    {"{{stage}}": "avg by (stage) (avg_over_time(needledrop_stream_held_back[$__rate_interval]))"},
                    width=12,
                    limits=(0.5, 0.8),
                ),
            ],
        ),
    ],
)
