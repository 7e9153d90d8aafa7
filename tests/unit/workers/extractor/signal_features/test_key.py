"""Key and mode of chords and cadences, whose answer is a matter of definition, and of what has none."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from workers.extractor.signal_features.frames import centred, low_rate
from workers.extractor.signal_features.key import Key, key, tuned_chroma

Samples = npt.NDArray[np.float32]
Chords = Callable[..., Samples]
Notes = tuple[tuple[int, ...], ...]

MAJOR_CADENCE = ((0, 4, 7, 12), (0, 5, 9, 17), (2, 7, 11, -5), (0, 4, 7, 12))  # I IV V I
MINOR_CADENCE = ((0, 3, 7, 12), (0, 5, 8, 17), (2, 7, 11, -5), (0, 3, 7, 12))  # i iv V i


def heard(samples: npt.ArrayLike) -> Key:
    return key(low_rate(centred(samples)))


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize(("cadence", "mode"), [(MAJOR_CADENCE, 1), (MINOR_CADENCE, 0)])
def test_key_is_the_tonic_of_a_cadence_however_it_is_tuned(
    chords: Chords, tonic: int, cadence: Notes, mode: int
) -> None:
    for cents in (-45.0, -20.0, 0.0, 10.0, 45.0):
        found = heard(chords(tonic, cadence, cents=cents))

        assert (found.key, found.mode) == (tonic, mode), cents
        assert found.tuning_cents == pytest.approx(cents, abs=4.0)
        assert found.confidence > 0.5


@pytest.mark.parametrize("tonic", range(12))
def test_key_is_one_of_two_neighbours_when_tuned_halfway_between(chords: Chords, tonic: int) -> None:
    found = heard(chords(tonic, MAJOR_CADENCE, cents=50.0))

    assert found.key in {tonic, (tonic + 1) % 12}
    assert found.mode == 1


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize(("triad", "mode"), [((0, 4, 7), 1), ((0, 3, 7), 0)])
def test_key_is_the_root_of_a_lone_triad(chords: Chords, tonic: int, triad: tuple[int, ...], mode: int) -> None:
    found = heard(chords(tonic, (triad,), chord_s=6.0))

    assert (found.key, found.mode) == (tonic, mode)


@pytest.mark.parametrize("duration_s", [0.5, 2.0, 30.0])
def test_key_is_none_in_noise(duration_s: float) -> None:
    noise = np.random.default_rng(7).standard_normal(round(duration_s * 16_000))

    found = heard(noise)

    assert found.key == -1
    assert found.confidence == 0.0


def test_key_is_none_when_all_twelve_notes_sound_alike(chords: Chords) -> None:
    found = heard(chords(0, (tuple(range(12)),), chord_s=6.0))

    assert found.key == -1 or found.confidence < 0.3


def test_tuned_chroma_puts_a_detuned_a_into_its_class() -> None:
    times = np.arange(3 * 16_000) / 16_000

    chroma = tuned_chroma(low_rate(centred(np.sin(2 * np.pi * 440.0 * 2 ** (20 / 1200) * times))))

    assert chroma.classes.argmax() == 9
    assert chroma.tuning_cents == pytest.approx(20.0, abs=2.0)
