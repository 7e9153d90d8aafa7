"""Writes prometheus-rule.yaml, our rule files as the Prometheus operator takes them; `make schemas` runs it."""

from pathlib import Path

HERE = Path(__file__).parent
RULES = HERE.parents[1] / "prometheus" / "rules"
HEAD = """# Generated from deploy/prometheus/rules by `make schemas`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: needledrop
spec:
  groups:
"""


def prometheus_rule() -> str:
    """The groups of all files under one head, comments and all."""
    groups = [
        line
        for path in sorted(RULES.glob("*.yml"))
        for line in path.read_text(encoding="utf-8").partition("\ngroups:\n")[2].splitlines()
    ]
    return HEAD + "".join(f"  {line}\n" if line else "\n" for line in groups)


if __name__ == "__main__":
    (HERE / "prometheus-rule.yaml").write_text(prometheus_rule(), encoding="utf-8")
