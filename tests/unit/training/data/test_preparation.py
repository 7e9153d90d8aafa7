import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from schemas.errors import InvalidSettingError, UndecodableAudioError
from tests.unit.training.conftest import WriteClip
from training.data import preparation
from training.data.pcm import PreparedAudio, quantised
from training.data.preparation import audio_faults, prepare
from training.data.prepared import load_prepared
from training.data.reading import read_data_set
from training.data.tracks import DataSet, FaultKind, Split, Track


class Decoder:
    """Decodes with libsndfile, and counts."""

    def __init__(self) -> None:
        self.calls = Counter[str]()
        self.fails_at: str | None = None

    def __call__(self, path: Path) -> PreparedAudio:
        self.calls[path.name] += 1
        if path.name == self.fails_at:
            raise KeyboardInterrupt
        with path.open("rb"):
            pass
        try:
            samples, _ = soundfile.read(path, dtype="float32")
        except soundfile.LibsndfileError as error:
            raise UndecodableAudioError(str(error)) from error
        return quantised(samples, f"hash of {path.name}")


@pytest.fixture
def data(tmp_path: Path, write_clip: WriteClip, monkeypatch: pytest.MonkeyPatch) -> DataSet:
    """Ten short clips by five artists; three a shard."""
    monkeypatch.setattr(preparation, "TRACKS_A_SHARD", 3)
    lines = ["file\ttags\tgroup"]
    for i in range(10):
        write_clip(tmp_path / "music" / f"{i}.wav", kind=i % 2, seed=i, seconds=0.1 + 0.01 * i)
        lines.append(f"{i}.wav\t{'low' if i % 2 == 0 else 'high'}\tartist {i // 2}")
    (tmp_path / "music" / "LABELS.tsv").write_text("\n".join(lines))
    return read_data_set(tmp_path / "music")


def test_prepared_samples_are_what_was_decoded_to_16_bits(data: DataSet, tmp_path: Path) -> None:
    prepare(data, tmp_path / "out", Decoder(), seed=0, n_threads=2)

    prepared = load_prepared(tmp_path / "out", verify=True)

    assert len(prepared.tracks) == 10
    for track in prepared.tracks:
        samples, _ = soundfile.read(data.root / track.track_id, dtype="float32")
        peak = np.abs(samples).max()
        np.testing.assert_allclose(prepared.samples(track), samples, atol=0.51 * peak / 32767)
        around = prepared.samples(track, -5, 20)
        assert (around[:5] == 0).all()
        np.testing.assert_array_equal(around[5:], prepared.samples(track)[:15])
        beyond = prepared.samples(track, track.n_samples - 2, 6)
        np.testing.assert_array_equal(beyond, [*prepared.samples(track)[-2:], 0, 0, 0, 0])
        assert track.content_hash == f"hash of {track.track_id}"
    assert {len(prepared.of(split)) for split in Split} == {6, 2}


def test_killed_preparation_goes_on_with_the_shard_it_was_at(data: DataSet, tmp_path: Path) -> None:
    decoder = Decoder()
    decoder.fails_at = "7.wav"
    with pytest.raises(KeyboardInterrupt):
        prepare(data, tmp_path / "out", decoder, seed=0, n_threads=1)
    with pytest.raises(InvalidSettingError, match="no prepared data set"):
        load_prepared(tmp_path / "out")

    again = Decoder()
    result = prepare(data, tmp_path / "out", again, seed=0, n_threads=1)

    assert result.n_decoded == 4  # two shards of three were there
    assert set(again.calls) == {"6.wav", "7.wav", "8.wav", "9.wav"}
    prepare(data, tmp_path / "whole", Decoder(), seed=0, n_threads=1)
    assert load_prepared(tmp_path / "out").digest == load_prepared(tmp_path / "whole").digest


def test_changed_file_is_decoded_again_and_changed_labels_are_not(
    data: DataSet, tmp_path: Path, write_clip: WriteClip
) -> None:
    prepare(data, tmp_path / "out", Decoder(), seed=0, n_threads=1)
    write_clip(data.root / "4.wav", kind=1, seed=99, seconds=0.2)
    labels = data.root / "LABELS.tsv"
    labels.write_text(labels.read_text().replace("9.wav\thigh", "9.wav\thighest"))

    again = Decoder()
    prepare(read_data_set(data.root), tmp_path / "out", again, seed=0, n_threads=1)

    assert set(again.calls) == {"3.wav", "4.wav", "5.wav"}
    tracks = {track.track_id: track for track in load_prepared(tmp_path / "out").tracks}
    assert tracks["9.wav"].tags == ("highest",)
    assert tracks["4.wav"].n_samples == 3200


def test_tracks_that_cannot_be_decoded_are_named_and_left_out(data: DataSet, tmp_path: Path) -> None:
    (data.root / "2.wav").write_bytes(b"no audio")
    (data.root / "6.wav").unlink()

    result = prepare(data, tmp_path / "out", Decoder(), seed=0, n_threads=2)

    assert [(fault.where, fault.kind) for fault in result.faults] == [
        ("2.wav", FaultKind.UNDECODABLE),
        ("6.wav", FaultKind.MISSING_AUDIO),
    ]
    assert result.n_tracks == len(load_prepared(tmp_path / "out").tracks) == 8
    assert [fault.where for fault in audio_faults(data, Decoder(), n_threads=2)] == ["2.wav", "6.wav"]


@pytest.mark.parametrize("harm", ["cut", "changed", "lost", "tracks"])
def test_prepared_data_that_was_harmed_is_refused(data: DataSet, tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "out"
    prepare(data, folder, Decoder(), seed=0, n_threads=1)
    shard = folder / "audio" / "00001.pcm"
    content = shard.read_bytes()
    if harm == "cut":
        shard.write_bytes(content[:-2])
    elif harm == "changed":
        shard.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif harm == "lost":
        shard.unlink()
    else:
        (folder / "tracks.jsonl").write_text("")

    with pytest.raises(InvalidSettingError, match="prepare"):
        load_prepared(folder, verify=True)


def test_data_without_a_single_usable_track_is_refused(tmp_path: Path) -> None:
    nothing = DataSet(
        form="LABELS.tsv", root=tmp_path, tracks=(Track(track_id="a", audio=tmp_path / "a", tags=("x",)),)
    )

    with pytest.raises(InvalidSettingError, match="not one has audio"):
        prepare(nothing, tmp_path / "out", Decoder(), seed=0, n_threads=1)


def test_manifest_has_the_hash_of_every_shard(data: DataSet, tmp_path: Path) -> None:
    prepare(data, tmp_path / "out", Decoder(), seed=0, n_threads=1)

    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())

    assert [shard["file"] for shard in manifest["shards"]] == [f"0000{i}.pcm" for i in range(4)]
    assert all(len(shard["sha256"]) == 64 for shard in manifest["shards"])
