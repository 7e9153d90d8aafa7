from pathlib import Path

import pytest

from schemas.errors import InvalidSettingError
from training.data.picture import draw_tags
from training.data.report import Part, parts_of, report_on
from training.data.tracks import DataSet, Fault, FaultKind, Split, Track


def test_of_56_tags_14_are_head_27_middle_and_15_tail_as_usc_sail_reports() -> None:
    parts = parts_of(56)

    assert [parts.count(part) for part in Part] == [14, 27, 15]
    assert parts == tuple(sorted(parts, key=list(Part).index))


@pytest.mark.parametrize("n", range(8))
def test_every_tag_of_a_short_list_is_in_some_part(n: int) -> None:
    assert len(parts_of(n)) == n


def _data(*tracks: Track, faults: tuple[Fault, ...] = ()) -> DataSet:
    return DataSet(form="LABELS.tsv", root=Path(), tracks=tracks, faults=faults)


def _track(name: str, *tags: str, artist: str | None = None, split: Split | None = None) -> Track:
    return Track(track_id=name, audio=Path(name), tags=tags, artist=artist, split=split)


def test_report_counts_only_what_can_be_used() -> None:
    data = _data(
        _track("a", "rock", "loud", artist="x"), _track("b", "rock", artist="x"), _track("c"), _track("d", "pop")
    )
    broken = Fault(kind=FaultKind.UNDECODABLE, where="b", why="noise")

    report = report_on(data, [broken])

    assert (report.n_tracks, report.n_usable, report.n_labels, report.n_artists) == (4, 2, 3, 1)
    assert [(tag.tag, tag.n_tracks) for tag in report.tags] == [("loud", 1), ("pop", 1), ("rock", 1)]
    assert report.faults == {FaultKind.UNDECODABLE: (broken,)}
    assert report.audio_checked
    assert not report_on(data).audio_checked


def test_artist_whom_training_and_test_share_is_a_fault() -> None:
    train, test = (
        _track("a", "rock", artist="x", split=Split.TRAIN),
        _track("b", "rock", artist="x", split=Split.TEST),
    )
    other = _track("c", "rock", artist="y", split=Split.TEST)

    [fault] = report_on(_data(train, test, other)).faults[FaultKind.SHARED_ARTIST]

    assert fault.where == "x"
    assert fault.why.startswith("in test and train")
    assert report_on(_data(train, other)).faults == {}


def test_picture_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra plots")

    with pytest.raises(InvalidSettingError, match=r"cannot write .*tags.png: No such file or directory"):
        draw_tags(report_on(_data(_track("a", "rock"))), tmp_path / "nowhere" / "tags.png")


def test_picture_of_tags_is_a_png(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra plots")
    tracks = [_track(f"t{i}", *[f"tag{j}" for j in range(20) if i % (j + 1) == 0]) for i in range(100)]

    draw_tags(report_on(_data(*tracks)), tmp_path / "tags.png")

    assert (tmp_path / "tags.png").read_bytes().startswith(b"\x89PNG")
