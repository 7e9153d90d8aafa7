from collections import Counter

from workers.trends.view import Standing, View, view
from workers.trends.windows import HOUR_S, MINUTE_S, Sums

NOON = 1_767_268_800  # 2026-01-01T12:00:00Z
LIVE = Standing(live=True, behind=0, partitions=4, partitions_in_all=4)


class Recorded:
    """Gives the same sums for each question, and notes the questions."""

    def __init__(self, **kinds: Counter[str]) -> None:
        self._kinds = kinds
        self.asked: list[tuple[int, float, float]] = []

    def sums(self, window_s: int, *, since_s: float, until_s: float) -> list[Sums]:
        self.asked.append((window_s, since_s - NOON, until_s - NOON))
        return [Sums({kind: names}) for kind, names in self._kinds.items()]


def seen(counts: Recorded, *, at_s: float = NOON, n_hours: int = 2) -> View:
    return view(counts, LIVE, now_s=at_s, n_hours=n_hours)


def test_view_asks_for_full_windows_and_the_one_that_is_going_on() -> None:
    counts = Recorded()

    seen(counts, at_s=NOON + 90.5)

    assert counts.asked == [
        (MINUTE_S, 0, 120),
        (MINUTE_S, 60 - HOUR_S, 120),
        (HOUR_S, -HOUR_S, 0),
        (HOUR_S, 0, HOUR_S),
    ]


def test_view_says_since_when_it_counts() -> None:
    found = seen(Recorded(), at_s=NOON + 90.5)

    assert found.at == "2026-01-01T12:01:30+00:00"
    assert found.minute.since == "2026-01-01T12:00:00+00:00"
    assert found.hour.since == "2026-01-01T11:01:00+00:00"
    assert [hour.since for hour in found.hours] == ["2026-01-01T11:00:00+00:00", "2026-01-01T12:00:00+00:00"]


def test_view_ranks_names_by_count_then_by_name() -> None:
    found = seen(Recorded(genre=Counter(pop=1, jazz=3, blues=1), failure=Counter(not_found=2)))

    assert list(found.minute.genres.items()) == [("jazz", 3), ("blues", 1), ("pop", 1)]
    assert (found.minute.labels, found.minute.failures, found.minute.reasons) == (5, 2, {"not_found": 2})


def test_view_shares_unsure_labels_among_all_labels() -> None:
    found = seen(Recorded(genre=Counter(jazz=6), unsure=Counter(yes=2)))

    assert (found.minute.unsure, found.minute.unsure_share) == (2, 0.3333)


def test_view_has_no_share_when_there_are_no_labels() -> None:
    assert seen(Recorded(failure=Counter(not_found=1))).minute.unsure_share is None
