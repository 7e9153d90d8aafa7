"""Notes of newest submissions, in a real Redis."""

import random
import uuid

import pytest
from redis import Redis

from schemas.errors import CacheUnavailableError
from schemas.origin import Position
from shared.redis.newest import NewestSubmissions, Note, Stretch
from shared.settings.redis import RedisSettings


@pytest.fixture
def topic() -> str:
    return f"tracks-{uuid.uuid4().hex}"


@pytest.fixture
def newest(redis_url: str, topic: str) -> NewestSubmissions:
    return NewestSubmissions(RedisSettings(url=redis_url), topic)


@pytest.fixture
def track() -> str:
    return f"track-{uuid.uuid4().hex}"


def a_note(track: str, at: int, submission_id: str | None = None) -> Note:
    return Note(track, Position(1000 + at, at), f"s-{at}" if submission_id is None else submission_id)


@pytest.mark.parametrize("seed", range(5))
def test_the_newest_note_wins_in_whatever_order_they_are_written(
    newest: NewestSubmissions, track: str, seed: int
) -> None:
    notes = [a_note(track, at) for at in (9, 10, 99, 100, 2**40)]
    random.Random(seed).shuffle(notes)

    for note in notes:
        newest.write([Stretch(0, 0, 1, (note,))])

    assert newest.standing(0, track).newest == a_note(track, 2**40)


def test_a_deletion_is_noted_and_expires_and_a_later_submission_stays(
    newest: NewestSubmissions, track: str, redis_url: str
) -> None:
    redis, key = Redis.from_url(redis_url), f"needledrop:newest:{track}"
    newest.write([Stretch(0, 0, 2, (a_note(track, 0), a_note(track, 1, "")))])
    assert newest.standing(0, track).newest == a_note(track, 1, "")
    assert 30 * 86_400 < redis.ttl(key) <= 31 * 86_400

    newest.write([Stretch(0, 2, 3, (a_note(track, 2),))])
    assert newest.standing(0, track).newest == a_note(track, 2)
    assert redis.ttl(key) == -1
    redis.close()


def test_notes_are_complete_up_to_where_stretches_join(newest: NewestSubmissions, track: str) -> None:
    assert newest.write([Stretch(0, 0, 5), Stretch(1, 0, 3)]) == []
    assert newest.write([Stretch(0, 5, 11, (a_note(track, 10),))]) == []

    assert newest.standing(0, track).complete_to == newest.complete_to(0) == 11
    assert newest.complete_to(1) == 3
    assert newest.complete_to(2) == 0


def test_a_stretch_behind_a_gap_is_noted_and_does_not_count_as_complete(newest: NewestSubmissions, track: str) -> None:
    newest.write([Stretch(0, 0, 5)])
    behind = Stretch(0, 6, 9, (a_note(track, 7),))

    assert newest.write([behind, Stretch(1, 0, 2)]) == [behind]

    assert newest.standing(0, track).newest == a_note(track, 7)
    assert newest.complete_to(0) == 5
    assert newest.write([Stretch(0, 5, 9)]) == []
    assert newest.complete_to(0) == 9


def test_records_that_come_again_bring_the_mark_back_to_them(newest: NewestSubmissions) -> None:
    newest.write([Stretch(0, 0, 500)])

    assert newest.write([Stretch(0, 0, 5)]) == []

    assert newest.complete_to(0) == 5


def test_a_redis_that_is_away_is_said_to_be(topic: str) -> None:
    nobody = NewestSubmissions(RedisSettings(url="redis://127.0.0.1:1/0"), topic)

    with pytest.raises(CacheUnavailableError):
        nobody.write([Stretch(0, 0, 1)])
    with pytest.raises(CacheUnavailableError):
        nobody.standing(0, "t")
