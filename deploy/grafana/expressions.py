"""The shapes of the panels' queries: legends and PromQL, over the rate interval that Grafana chooses."""


def rate(metric: str, matchers: str = "", by: str = "") -> str:
    """How fast a counter grows, all workers together."""
    return f"{_sum(by)}(rate({_selected(metric, matchers)}[$__rate_interval]))"


def rates(metric: str, matchers: str = "", *, by: str) -> dict[str, str]:
    """The same for each value of one or more labels (``by``: their names, comma-separated)."""
    return {" ".join(f"{{{{{label}}}}}" for label in by.split(", ")): rate(metric, matchers, by)}


def total(gauge: str, matchers: str = "", by: str = "") -> str:
    """A gauge of all workers together."""
    return f"{_sum(by)}({_selected(gauge, matchers)})"


def share(part: str, whole: str) -> str:
    """``part`` of ``whole``; no data, rather than NaN, while there is no whole."""
    return f"{part} / ({whole} > 0)"


def quantiles(metric: str, matchers: str = "", by: str = "") -> dict[str, str]:
    """p50, p90 and p99 of a histogram."""
    legend = f"{{{{{by}}}}} " if by else ""
    buckets = rate(f"{metric}_bucket", matchers, f"le, {by}" if by else "le")
    return {f"{legend}p{q}": f"histogram_quantile({q / 100}, {buckets})" for q in (50, 90, 99)}


def _sum(by: str) -> str:
    return f"sum by ({by}) " if by else "sum"


def _selected(metric: str, matchers: str) -> str:
    return f"{metric}{{{matchers}}}" if matchers else metric
