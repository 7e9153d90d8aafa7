"""Agreement with somebody else's features."""

import pytest

from schemas.errors import InvalidSettingError
from schemas.events import AudioFeatures
from shared.evaluation.music4all import ClipFeatures
from workers.cli.agreement import Pair, agreement


def a_pair(value: float, *, tempo: float = 120.0, key: int = 0, true_key: int = 0, true_tempo: float = 120.0) -> Pair:
    ours = AudioFeatures(danceability=value, energy=value, valence=value, tempo=tempo, key=key, mode=1)
    theirs = ClipFeatures(
        clip_id="a", danceability=value, energy=value**2, valence=value, key=true_key, mode=1, tempo=true_tempo
    )
    return Pair(ours, theirs)


def test_agreement_counts_what_can_be_compared() -> None:
    plain = [a_pair(i / 20) for i in range(17)]
    odd = [a_pair(0.9, tempo=60.0), a_pair(0.9, key=7), a_pair(0.9, true_key=-1, true_tempo=0.0)]

    found = agreement([*plain, *odd])

    assert found.n_pairs == 20
    assert found.shares == pytest.approx(
        {"tempo": 18 / 19, "tempo_or_multiple": 1.0, "key_weighted": 18.5 / 19, "key_and_mode": 18 / 19, "mode": 1.0}
    )
    assert found.fits["energy"].helps
    assert not found.fits["danceability"].helps  # nothing to mend


def test_agreement_leaves_out_shares_of_nothing() -> None:
    found = agreement([a_pair(i / 20, true_key=-1, true_tempo=0.0) for i in range(12)])

    assert found.shares == {"mode": 1.0}
    assert found.evidence()["agreement"] == {"mode": 1.0}


def test_agreement_of_a_few_clips_is_refused() -> None:
    with pytest.raises(InvalidSettingError, match="9 clips could be compared; a calibration needs 10"):
        agreement([a_pair(i / 20) for i in range(9)])
