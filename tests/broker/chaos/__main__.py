"""`make chaos`: the whole pipeline on a real Kafka under accidents. Exit code 1 when something does not hold."""

import argparse
import os
import random
import sys
import time
from pathlib import Path

from tests.broker.chaos.run import Plan, in_a_folder_of_its_own


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--music", type=Path, default=os.environ.get("NEEDLEDROP_TEST_CLIPS"), help="a folder of music")
    parser.add_argument("--kafka-home", type=Path, default=os.environ.get("KAFKA_HOME"), help="an unpacked Kafka")
    parser.add_argument("--seed", type=int, default=None, help="of the schedule; a random one when left out")
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=30, help="SIGKILLs to workers")
    parser.add_argument("--freezes", type=int, default=3, help="SIGSTOPs past the session timeout")
    parser.add_argument("--broker-kills", type=int, default=2)
    parser.add_argument("--redis-kills", type=int, default=2)
    parser.add_argument("--plant", action="store_true", help="commit offsets before outputs: the run must fail")
    chosen = parser.parse_args()
    if chosen.kafka_home is None:
        parser.error("KAFKA_HOME (or --kafka-home) must name an unpacked Apache Kafka")
    plan = Plan(
        seed=random.randrange(1_000_000) if chosen.seed is None else chosen.seed,
        n_events=chosen.events,
        n_kills=chosen.kills,
        n_freezes=chosen.freezes,
        n_broker_kills=chosen.broker_kills,
        n_redis_kills=chosen.redis_kills,
        scales=(1, 4, 1),
        pauses_s=(0.5, 5.0),
        at_rest_within_s=120.0,
        planted=chosen.plant,
    )
    print(plan, flush=True)
    began = time.monotonic()
    result = in_a_folder_of_its_own(
        plan, kafka_home=chosen.kafka_home, music=_music(chosen.music), say=lambda line: print(line, flush=True)
    )
    print(f"seed {plan.seed}, {time.monotonic() - began:.0f} s: {result.counts}")
    for name, wrong in result.wrong.items():
        print(f"NOT: {name}: {wrong}")
    if result.logs:
        print(result.logs)
    return 1 if result.wrong else 0


def _music(folder: Path | None) -> Path:
    if folder is not None:
        return folder
    from workers.cli.demo_music import demo_music

    return demo_music()


if __name__ == "__main__":
    sys.exit(main())
