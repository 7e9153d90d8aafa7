import pytest
from rich.console import Console

from shared.metrics.classifier import ClassifierMetrics
from shared.metrics.exposition import Registry, exposition
from shared.metrics.extractor import ExtractorMetrics
from shared.metrics.labels import REASONS
from shared.metrics.reading import Snapshot
from shared.metrics.stream import StreamMetrics
from workers.cli.standing import History, Standing
from workers.cli.standing_picture import picture


class ManualWorkers:
    """The metrics of an extractor and a classifier, and what `top` sees of them."""

    def __init__(self) -> None:
        self.registry = {name: Registry() for name in ("extractor", "classifier")}
        self.stream = {
            name: StreamMetrics(registry, name, ends_submissions=True) for name, registry in self.registry.items()
        }
        self.extractor = ExtractorMetrics(self.registry["extractor"])
        self.classifier = ClassifierMetrics(self.registry["classifier"], genres=("jazz", "rock"), graphs=())
        for stream in self.stream.values():
            stream.in_flight_limit.set(8)

    def seen(self, at_s: float) -> dict[str, Snapshot | None]:
        return {
            f"{name}:9400": Snapshot.of(exposition(registry).decode(), at_s=at_s)
            for name, registry in self.registry.items()
        }


@pytest.fixture
def workers() -> ManualWorkers:
    return ManualWorkers()


def shown(standing: Standing, width: int = 140) -> str:
    console = Console(width=width, force_terminal=False)
    with console.capture() as captured:
        console.print(picture(standing))
    return captured.get()


def test_stages_stand_in_the_order_of_the_flow_with_rates_lag_and_failures(workers: ManualWorkers) -> None:
    history = History()
    history.add(workers.seen(100.0))
    workers.stream["extractor"].committed.inc(50)
    workers.stream["extractor"].lag("tracks.submitted.v1", 0, 300)
    workers.stream["extractor"].in_flight.set(4)
    workers.stream["extractor"].handle_seconds.observe(0.03)
    workers.stream["extractor"].ended("failed", reason="not_found", submission="new", seconds=1.0)
    workers.stream["classifier"].committed.inc(40)
    history.add(workers.seen(110.0))

    extractor, classifier = history.standing().stages

    assert (extractor.stage, classifier.stage) == ("extractor", "classifier")
    assert (extractor.per_s, classifier.per_s) == (5.0, 4.0)
    assert (extractor.lag, extractor.n_in_flight, extractor.in_flight_limit) == (300, 4, 8)
    assert extractor.p99_s is not None
    assert 0.025 <= extractor.p99_s <= 0.05
    assert extractor.failures == {"not_found": 1}


def test_backlog_takes_as_long_as_the_slowest_stage_needs_for_its_lag(workers: ManualWorkers) -> None:
    history = History()
    history.add(workers.seen(0.0))
    assert history.standing().left_s == 0.0
    workers.stream["extractor"].committed.inc(100)
    workers.stream["extractor"].lag("tracks.submitted.v1", 0, 600)
    history.add(workers.seen(10.0))

    assert history.standing().left_s == 60.0
    assert "backlog done in 1.0 min" in shown(history.standing())


def test_what_the_extractor_will_pass_on_is_before_the_classifier_too(workers: ManualWorkers) -> None:
    history = History()
    history.add(workers.seen(0.0))
    extractor, classifier = workers.stream["extractor"], workers.stream["classifier"]
    extractor.committed.inc(100)
    extractor.wrote("tracks.features.v1", 80)  # the others failed
    extractor.lag("tracks.submitted.v1", 0, 500)
    classifier.committed.inc(20)
    classifier.lag("tracks.features.v1", 0, 40)
    history.add(workers.seen(10.0))

    assert history.standing().left_s == pytest.approx((40 + 500 * 0.8) / 2.0)


def test_backlog_that_does_not_move_has_no_end(workers: ManualWorkers) -> None:
    history = History()
    history.add(workers.seen(0.0))
    workers.stream["classifier"].lag("tracks.features.v1", 0, 7)
    history.add(workers.seen(10.0))

    standing = history.standing()

    assert standing.left_s is None
    assert "backlog does not move" in shown(standing)


def test_what_is_on_its_way_is_no_backlog(workers: ManualWorkers) -> None:
    history = History()
    history.add(workers.seen(0.0))
    workers.stream["extractor"].committed.inc(100)
    workers.stream["extractor"].lag("tracks.submitted.v1", 0, 20)
    history.add(workers.seen(10.0))

    assert history.standing().left_s == 2.0
    assert "no backlog" in shown(history.standing())


def test_labels_and_lookups_are_shares_of_what_came_within_the_window(workers: ManualWorkers) -> None:
    history = History()
    for _ in range(9):
        workers.classifier.labeled(genre="rock", unsure=True, from_cache=False)  # before the first look
    history.add(workers.seen(0.0))
    for genre, unsure in (("jazz", False), ("jazz", True), ("rock", False), (None, False)):
        workers.classifier.labeled(genre=genre, unsure=unsure, from_cache=False)
    for outcome in ("hit", "miss", "miss", "miss", "unavailable"):
        workers.extractor.looked_up(outcome)
    history.add(workers.seen(2.0))

    standing = history.standing()

    assert standing.labels_per_s == 2.0
    assert standing.genres[0] == ("jazz", 0.5)
    assert dict(standing.genres) == {"jazz": 0.5, "rock": 0.25, "none": 0.25}
    assert (standing.unsure, standing.cache_hits) == (0.25, 0.25)
    assert "Redis is away" in shown(standing)


def test_rates_forget_what_is_older_than_the_window(workers: ManualWorkers) -> None:
    history = History()
    history.add(workers.seen(0.0))
    workers.stream["extractor"].committed.inc(1000)
    for at_s in (10.0, 20.0, 30.0, 40.0):
        history.add(workers.seen(at_s))

    assert history.standing().stages[0].per_s == 0.0


def test_worker_that_does_not_answer_is_named_and_the_others_stay(workers: ManualWorkers) -> None:
    history = History()
    history.add(workers.seen(0.0))
    history.add(workers.seen(2.0) | {"extractor:9400": None})

    standing = history.standing()

    assert [stage.stage for stage in standing.stages] == ["classifier"]
    assert "extractor at extractor:9400 does not answer" in shown(standing)
    assert standing.left_s is None


def test_worker_that_was_started_again_counts_from_zero(workers: ManualWorkers) -> None:
    history = History()
    workers.stream["extractor"].committed.inc(1000)
    history.add(workers.seen(0.0))
    workers = ManualWorkers()
    workers.stream["extractor"].committed.inc(20)
    history.add(workers.seen(10.0))

    assert history.standing().stages[0].per_s == 2.0


def test_worker_that_never_answered_is_named_by_its_address(workers: ManualWorkers) -> None:
    history = History()
    history.add(workers.seen(0.0) | {"10.0.0.9:9400": None})

    assert history.standing().silent == ["10.0.0.9:9400"]


def test_80_columns_are_enough(workers: ManualWorkers) -> None:
    history = History()
    history.add(workers.seen(0.0))
    for reason in REASONS:
        for _ in range(1000):
            workers.stream["extractor"].ended("failed", reason=reason, submission="new", seconds=1.0)
    workers.stream["extractor"].committed.inc(10_000)
    workers.stream["extractor"].lag("tracks.submitted.v1", 0, 100_000)
    workers.stream["extractor"].in_flight.set(8)
    workers.stream["extractor"].handle_seconds.observe(0.9)
    history.add(workers.seen(1.0))

    picture_of_80 = shown(history.standing(), width=80)

    [row] = [line for line in picture_of_80.splitlines() if "100,000" in line]
    assert "extractor" in row
    assert "10,000.0" in row
    assert {f"{reason} 1,000" in " ".join(picture_of_80.replace("│", " ").split()) for reason in REASONS} == {True}


def test_replicas_of_a_stage_are_one_row(workers: ManualWorkers) -> None:
    history, other = History(), ManualWorkers()
    for at_s in (0.0, 10.0):
        history.add(workers.seen(at_s) | {f"b-{name}": one for name, one in other.seen(at_s).items()})
        workers.stream["extractor"].committed.inc(10)
        other.stream["extractor"].committed.inc(30)

    extractor = history.standing().stages[0]

    assert (extractor.n_workers, extractor.per_s, extractor.in_flight_limit) == (2, 4.0, 16)
    assert "extractor x2" in shown(history.standing())
