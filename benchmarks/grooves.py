"""Accompaniments made by formula, with known tempo and meter: what a template is fitted to beside rendered clips.

Patterns are common knowledge (any drum method has them), tempi are the ranges that each style is played in, with the
beat that people tap: quarters, dotted quarters in 6/8 and 12/8, half bars in cut time. Nothing of it is recorded, and
no groove of any other set is in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.signal

Samples = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

RATE_HZ: Final = 16_000
CLIP_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Groove:
    """One bar, or a few, as steps: ``x`` loud, ``o`` soft, ``.`` nothing. Spaces are for the eye."""

    name: str
    meter: int  # time signature: 3 to 7
    beats: int  # felt, in a bar
    steps: int  # to a beat
    bpm: tuple[float, float]
    kick: str = ""
    snare: str = ""
    hat: str = ""
    bass: str = ""
    chords: str = ""
    bars: int = 1  # that a chord lasts
    swing: float = 0.0  # of a step: how late every second one comes


# fmt: off
GROOVES: Final = (
    Groove(name="rock", meter=4, beats=4, steps=2, bpm=(85, 150), kick="x... x.x.", snare="..x. ..x.", hat="xoxo xoxo",
           bass="xxxx xxxx", chords="x... x..x"),
    Groove(name="pop", meter=4, beats=4, steps=4, bpm=(80, 132), kick="x....... x.x.....", snare="....x... ....x...",
           hat="x.o.x.o. x.o.x.o.", bass="x.....x. x.....x.", chords="x......."),
    Groove(name="ballad", meter=4, beats=4, steps=2, bpm=(55, 85), kick="x... x...", snare="..x. ..x.", hat="xoxo xoxo",
           bass="x... x...", chords="xxxx xxxx"),
    Groove(name="slow sixteenths", meter=4, beats=4, steps=4, bpm=(55, 90), kick="x.....x. x.......",
           snare="....x... ....x...", hat="xooo xooo xooo xooo", bass="x.....x. x.......", chords="x......."),
    Groove(name="picking", meter=4, beats=4, steps=2, bpm=(60, 115), bass="x... x...", chords="oxox oxox"),
    Groove(name="strummed", meter=4, beats=4, steps=4, bpm=(70, 120), bass="x....... x.......",
           chords="x...x.x. ..x.x.x."),
    Groove(name="punk", meter=4, beats=4, steps=2, bpm=(155, 215), kick="x... xx..", snare="..x. ..x.", hat="xoxo xoxo",
           bass="xxxx xxxx", chords="xxxx xxxx"),
    Groove(name="fast rock", meter=4, beats=4, steps=2, bpm=(150, 205), kick="x..x x...", snare="..x. ..x.",
           hat="x.x. x.x.",
           bass="x.x. x.xx", chords="x..x ..x."),
    Groove(name="metal", meter=4, beats=4, steps=4, bpm=(115, 190), kick="xxxx xxxx xxxx xxxx",
           snare="....x... ....x...",
           hat="x...x... x...x...", bass="x.xx x.xx x.xx x.xx", chords="x.xx x.xx x.xx x.xx"),
    Groove(name="metal, half time", meter=4, beats=4, steps=4, bpm=(70, 105), kick="x..x..x. ..x..x..",
           snare="....x... ....x...", hat="x...x... x...x...", bass="x..x..x. ..x..x..", chords="x..x..x. ..x..x.."),
    Groove(name="drum and bass", meter=4, beats=4, steps=2, bpm=(160, 180), kick="x... .x..", snare="..x. ..x.",
           hat="xoxo xoxo", bass="x... ....", chords="x... ....", bars=2),
    Groove(name="breakbeat", meter=4, beats=4, steps=4, bpm=(125, 178), kick="x.x..... ..x.....",
           snare="....x..o .o..x..o",
           hat="x.x.x.x. x.x.x.x.", bass="x....... ..x.....", bars=2),
    Groove(name="house", meter=4, beats=4, steps=4, bpm=(112, 130), kick="x...x... x...x...", snare="....x... ....x...",
           hat="..x...x. ..x...x.", bass="..x...x. ..x...x.", chords="x..x..x. ..x..x.."),
    Groove(name="trance", meter=4, beats=4, steps=4, bpm=(128, 148), kick="x...x... x...x...", hat="..x...x. ..x...x.",
           bass=".xxx.xxx .xxx.xxx", chords="xxxx xxxx xxxx xxxx"),
    Groove(name="disco", meter=4, beats=4, steps=4, bpm=(105, 128), kick="x...x... x...x...", snare="....x... ....x...",
           hat="xoxoxoxo xoxoxoxo", bass="x.x.x.x. x.x.x.x.", chords="..x...x. ..x..xx."),
    Groove(name="hip-hop", meter=4, beats=4, steps=4, bpm=(70, 105), kick="x..x..o. ..x.....",
           snare="....x... ....x...",
           hat="x.x.x.x. x.x.x.x.", bass="x..x.... ..x.....", chords="x.......", swing=0.2),
    Groove(name="funk", meter=4, beats=4, steps=4, bpm=(88, 118), kick="x.x....x ..x..x..", snare="....x..o .o..x..o",
           hat="xoxoxoxo xoxoxoxo", bass="x.x....x ..x..x.x", chords="..x..x.x ..x..x.x", bars=2),
    Groove(name="one drop", meter=4, beats=4, steps=2, bpm=(65, 92), kick="..x. ..x.", snare="..o. ..o.",
           hat="xoxo xoxo",
           bass="x.xx .x.x", chords=".x.x .x.x"),
    Groove(name="ska", meter=4, beats=4, steps=2, bpm=(115, 150), kick="x... x...", snare="..x. ..x.", hat="xxxx xxxx",
           bass="x.x. x.x.", chords=".x.x .x.x"),
    Groove(name="polka", meter=4, beats=4, steps=2, bpm=(100, 132), kick="x.x. x.x.", snare=".x.x .x.x",
           bass="x.x. x.x.",
           chords=".x.x .x.x"),
    Groove(name="march", meter=4, beats=4, steps=4, bpm=(100, 124), kick="x...x... x...x...", snare="x.oxx.x. xoxox.x.",
           bass="x...x... x...x...", chords="..x...x. ..x...x."),
    Groove(name="bluegrass", meter=4, beats=4, steps=4, bpm=(98, 145), bass="x...x... x...x...",
           chords="oxxx xxox oxxx xxox",
           snare="..x...x. ..x...x."),
    Groove(name="country two-beat", meter=4, beats=4, steps=2, bpm=(90, 140), kick="x... x...", snare="..x. ..x.",
           hat="x.x. x.x.", bass="x... x...", chords="..x. ..xx"),
    Groove(name="bossa nova", meter=4, beats=4, steps=2, bpm=(105, 150), kick="x..x x..x", snare="x..x ..x. ..x. .x..",
           hat="xxxx xxxx", bass="x..x x..x", chords="x..x .x.. x..x ..x.", bars=2),
    Groove(name="samba", meter=4, beats=4, steps=4, bpm=(85, 115), kick="x..xx..x x..xx..x", snare="x.xx.xx. x.xx.x.x",
           hat="xoox xoox xoox xoox", bass="x..xx..x x..xx..x", chords="x.x..x.x .x.x..x."),
    Groove(name="cha-cha", meter=4, beats=4, steps=2, bpm=(95, 130), hat="x.xx x.xx", snare="x.x. x.x.",
           kick=".... ..xx",
           bass="x..x ..x.", chords="..x. ..x."),
    Groove(name="montuno", meter=4, beats=4, steps=2, bpm=(85, 115), snare="x..x ..x. ..x. x...", hat="x.xx x.xx",
           bass="...x ..x.", chords="x.xx .x.x .x.x .x.x", bars=2),
    Groove(name="tango", meter=4, beats=4, steps=2, bpm=(108, 132), bass="x.x. x.x.", chords="x.x. x.xx",
           snare=".... ..ox"),
    Groove(name="shuffle", meter=4, beats=4, steps=3, bpm=(95, 145), kick="x..... x.....", snare="...x.. ...x..",
           hat="x.xx.x x.xx.x", bass="x.xx.x x.xx.x", chords="x.xx.x x.xx.x"),
    Groove(name="swing", meter=4, beats=4, steps=3, bpm=(95, 230), hat="x..x.x x..x.x", snare="...o.. ...o..",
           bass="x..x.. x..x..", chords="..x... ...x.."),
    Groove(name="slow swing", meter=4, beats=4, steps=3, bpm=(55, 95), hat="x..x.x x..x.x", snare="...x.. ...x..",
           bass="x..x.. x..x..", chords="x....."),
    Groove(name="12/8", meter=4, beats=4, steps=3, bpm=(48, 82), kick="x..... x.....", snare="...x.. ...x..",
           hat="xooxoo xooxoo", bass="x.xx.x x.xx.x", chords="xoooxo xoooxo"),
    Groove(name="doo-wop", meter=4, beats=4, steps=3, bpm=(55, 82), kick="x....x x.....", snare="...x.. ...x..",
           bass="x..... x....x", chords="xxxxxx xxxxxx"),
    Groove(name="6/8", meter=6, beats=2, steps=3, bpm=(45, 85), kick="x.....", snare="...x..", hat="xooxoo",
           bass="x....x", chords="xooxoo"),
    Groove(name="6/8, picked", meter=6, beats=2, steps=3, bpm=(42, 80), bass="x.....", chords="oxxxxx"),
    Groove(name="6/8, rolling", meter=6, beats=2, steps=3, bpm=(45, 85), bass="x..x..", chords="xoxxox", hat="x..x.."),
    Groove(name="jig", meter=6, beats=2, steps=3, bpm=(95, 125), kick="x..x..", bass="x..x..", chords="xoxxox", bars=2),
    Groove(name="waltz", meter=3, beats=3, steps=2, bpm=(80, 190), kick="x.....", snare="..o.o.", bass="x.....",
           chords="..x.x."),
    Groove(name="slow waltz", meter=3, beats=3, steps=2, bpm=(72, 115), kick="x.....", hat="x.xox.", bass="x.....",
           chords="xxxxxx"),
    Groove(name="country waltz", meter=3, beats=3, steps=2, bpm=(85, 135), kick="x.....", snare="..x.x.", hat="x.x.x.",
           bass="x.....", chords="..x.xx"),
    Groove(name="jazz waltz", meter=3, beats=3, steps=3, bpm=(100, 185), hat="x..x.xx..", snare="...o..o..",
           kick="x........",
           bass="x.....x..", chords="x....x..."),
    Groove(name="five", meter=5, beats=5, steps=2, bpm=(100, 175), kick="x.....x...", snare="....x...x.",
           hat="x.x.x.x.x.",
           bass="x..x..x.x.", chords="x..x..x.x."),
    Groove(name="swung five", meter=5, beats=5, steps=3, bpm=(115, 180), hat="x..x.xx..x..x.x", bass="x.......xx..x..",
           chords="x....x..xx..x..", snare=".........o.....", kick="x.............."),
    Groove(name="seven", meter=7, beats=7, steps=2, bpm=(95, 150), kick="x.....x.....x.", snare="..x...x...x...",
           hat="x.x.x.x.x.x.x.", bass="x..x..x.x.x.x.", chords="x.......x....."),
    Groove(name="seven, grouped", meter=7, beats=7, steps=2, bpm=(105, 165), kick="x...x...x.....",
           snare="..x...x...x.x.",
           hat="xoxoxoxoxoxoxo", bass="x...x...x..x..", chords="x...x...x....."),
)
# fmt: on


_DRUMS: Final = ("kick", "snare", "hat")
# Root and third of one chord after another, in semitones above the tonic.
_PROGRESSIONS: Final = (
    ((0, 4), (5, 4), (7, 4), (0, 4)),
    ((0, 4), (9, 3), (5, 4), (7, 4)),
    ((0, 3), (8, 4), (3, 4), (10, 4)),
    ((0, 3), (5, 3), (7, 4), (0, 3)),
    ((2, 3), (7, 4), (0, 4), (0, 4)),
    ((0, 4), (7, 4), (9, 3), (5, 4), (0, 4), (5, 4), (7, 4), (7, 4)),
    ((0, 3), (0, 3), (5, 3), (0, 3)),
)
_STRENGTHS: Final = {"x": 1.0, "o": 0.45, ".": 0.0}


def grooves_rendered(n_each: int, seed: int = 0) -> Iterator[tuple[Groove, float, Samples]]:
    """Yield every groove ``n_each`` times, at tempi spread evenly over the octaves of its range, with the BPM."""
    for place, groove in enumerate(GROOVES):
        rng = np.random.default_rng((seed, place))
        low, high = groove.bpm
        for i in range(n_each):
            bpm = low * (high / low) ** ((i + rng.random()) / n_each)
            yield groove, bpm, rendered(groove, bpm, seed=int(rng.integers(1 << 31)))


def rendered(groove: Groove, bpm: float, seed: int, seconds: float = CLIP_S) -> Samples:
    """Play a groove: mono at RATE_HZ, shape (n_samples,). The seed draws key, chords, sounds, mix and inaccuracy."""
    rng = np.random.default_rng(seed)
    step_s, bar_steps = 60.0 / bpm / groove.steps, groove.beats * groove.steps
    track = np.zeros(round((seconds + 4.0) * RATE_HZ))
    jitter_s, drums_db = rng.uniform(0.0, 0.006), rng.uniform(-12.0, 6.0)
    parts = {part: _strengths(getattr(groove, part)) for part in (*_DRUMS, "bass", "chords")}
    gains = {part: 10 ** ((rng.uniform(-4, 4) + drums_db * (part in _DRUMS)) / 20) for part in parts}
    band = _Band(rng, is_broken=bool(np.count_nonzero(parts["chords"]) > parts["chords"].size / 2))
    progression = _PROGRESSIONS[rng.integers(len(_PROGRESSIONS))]
    for step in range(int(seconds / step_s) + 1):
        chord = progression[step // bar_steps // groove.bars % len(progression)]
        late_s = groove.swing * step_s * (step % 2)
        for part, strengths in parts.items():
            if strengths.size and (strength := strengths[step % strengths.size]):
                sound = band.sound(part, chord, step)
                start = round((step * step_s + late_s + abs(rng.normal(0.0, jitter_s))) * RATE_HZ)
                track[start : start + sound.size] += gains[part] * strength * rng.uniform(0.8, 1.1) * sound
    track = track[: round(seconds * RATE_HZ)]
    track += np.abs(track).max() * 10 ** (rng.uniform(-70, -45) / 20) * rng.standard_normal(track.size)
    return np.asarray(0.7 * track / np.abs(track).max(), np.float32)


class _Band:
    """The sounds of one clip."""

    def __init__(self, rng: np.random.Generator, *, is_broken: bool) -> None:
        times = np.arange(round(0.3 * RATE_HZ)) / RATE_HZ
        noise = rng.standard_normal((2, times.size))
        hiss = scipy.signal.sosfilt(scipy.signal.butter(4, 5_000, "high", fs=RATE_HZ, output="sos"), noise[1])
        kick_hz, snare_hz = rng.uniform(45, 75), rng.uniform(160, 240)
        sweep = 2 * np.pi * (kick_hz * times + 3.0 * (1.0 - np.exp(-30.0 * times)))
        self._drums: dict[str, Floats] = {
            "kick": np.sin(sweep) * np.exp(-rng.uniform(10, 25) * times),
            "snare": (0.5 * noise[0] + 0.4 * np.sin(2 * np.pi * snare_hz * times))
            * np.exp(-rng.uniform(15, 30) * times),
            "hat": 0.5 * hiss * np.exp(-rng.uniform(20, 90) * times),
        }  # fmt: skip
        self._is_broken = is_broken
        self._tonic = int(rng.integers(12))
        self._decay_hz = float(rng.choice([1.0, 3.0, 7.0]))
        self._brightness = float(rng.uniform(0.8, 2.0))
        self._tones: dict[int, Floats] = {}

    def sound(self, part: str, chord: tuple[int, int], step: int) -> Floats:
        """What a part plays at a step."""
        root, third = chord
        if part in self._drums:
            return self._drums[part]
        if part == "bass":
            return np.asarray(0.8 * self._tone(33 + (self._tonic + root) % 12))
        notes = (0, 7, third + 12, 12, third, 7)
        pitches = [52 + (self._tonic + root) % 12 + note for note in notes]
        if self._is_broken:
            return np.asarray(0.7 * self._tone(pitches[step % len(pitches)]))
        return np.asarray(0.35 * np.sum([self._tone(pitch) for pitch in pitches[:3]], axis=0))

    def _tone(self, pitch: int) -> Floats:
        if pitch not in self._tones:
            times = np.arange(round(1.2 * RATE_HZ)) / RATE_HZ
            hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
            waves = np.sum([np.sin(2 * np.pi * hz * k * times) / k**self._brightness for k in range(1, 7)], axis=0)
            self._tones[pitch] = waves * np.exp(-self._decay_hz * times) * np.minimum(1.0, (1.2 - times) / 0.05)
        return self._tones[pitch]


def _strengths(pattern: str) -> Floats:
    return np.array([_STRENGTHS[step] for step in pattern.replace(" ", "")])
