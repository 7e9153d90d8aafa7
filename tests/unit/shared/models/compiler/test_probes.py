"""The patches that a compiled graph is verified on."""

import numpy as np

from shared.models.compiler.probes import LOUDEST, probe_patches


def test_probes_are_patches_that_the_front_end_could_give() -> None:
    for name, patch in probe_patches().items():
        assert patch.shape == (187, 96), name
        assert patch.dtype == np.float32, name
        assert 0 <= patch.min() <= patch.max() <= LOUDEST, name


def test_probes_are_the_same_every_time_and_no_two_alike() -> None:
    once, again = probe_patches(), probe_patches()

    assert all(np.array_equal(once[name], again[name]) for name in once)
    assert len({patch.tobytes() for patch in once.values()}) == len(once) >= 30


def test_probes_reach_both_ends_and_have_sounds_and_music_among_them() -> None:
    probes = probe_patches()

    assert probes["silence"].max() == 0
    assert probes["loudest"].min() == np.float32(LOUDEST)
    assert sum(name.startswith("sound: ") for name in probes) >= 8
    assert 0.5 < probes["music"].mean() < 4  # what music's patches have
