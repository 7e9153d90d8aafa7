"""One hop as a process: a stream that copies each record of its inbox to its outbox after a moment of work.

Settings come from NEEDLEDROP_KAFKA_* and NEEDLEDROP_HTTP_*, as for the workers.
"""

import argparse
import logging
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from shared.health.checks import StreamChecks
from shared.health.server import serving_health
from shared.kafka.records import Outgoing, Record
from shared.kafka.spec import StreamSpec
from shared.kafka.stream import Stream
from shared.lifecycle import run_until_signal
from shared.logs import start_logging
from shared.metrics.exposition import process_registry
from shared.metrics.stream import StreamMetrics
from shared.settings.kafka import KafkaSettings
from shared.settings.loading import loaded
from shared.settings.workers import HttpSettings, LogSettings
from tests.broker.harness.fault_points import FAULTS, have_faults
from tests.broker.harness.planted import plant


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("group")
    parser.add_argument("inbox")
    parser.add_argument("outbox")
    parser.add_argument("--work-ms", type=float, default=5.0, help="mean time of the work on one record")
    parser.add_argument("--max-in-flight", type=int, default=8)
    parser.add_argument("--fault", choices=FAULTS, help="what befalls its transactions while they are open")
    parser.add_argument("--odds", type=float, default=0.1, help="of a transaction to meet the fault")
    parser.add_argument("--plant", action="store_true", help="a bug: offsets are committed before outputs")
    chosen = parser.parse_args()
    if chosen.plant:
        plant()
    if chosen.fault:
        have_faults(FAULTS[chosen.fault], chosen.odds)
    start_logging(loaded(LogSettings))

    def work(record: Record) -> tuple[Outgoing, ...]:
        time.sleep(random.expovariate(1000 / chosen.work_ms))
        return (Outgoing(chosen.outbox, record.key or b"", record.value, record.headers),)

    def run(stop: threading.Event) -> None:
        logging.getLogger("needledrop").info("starting")
        registry = process_registry()
        with ThreadPoolExecutor(chosen.max_in_flight) as threads:
            stream = Stream(
                loaded(KafkaSettings),
                StreamSpec("hop", chosen.group, (chosen.inbox,), chosen.max_in_flight),
                lambda records: [threads.submit(work, record) for record in records],
                StreamMetrics(registry, "hop", topics=(chosen.inbox, chosen.outbox)),
            )
            checks = StreamChecks(stream, stuck_after_s=60.0)
            with serving_health(loaded(HttpSettings), registry, live=checks.live, ready=checks.ready):
                stream.run(stop)

    return run_until_signal(run)


if __name__ == "__main__":
    sys.exit(main())
