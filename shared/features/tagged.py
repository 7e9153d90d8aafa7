"""The five features that depend on what is heard: formulas over fused tag probabilities and signal values.

Taggers are trained on rare labels: 0.2 is a strong vote for "female vocals", and 0.02 is none. So votes for and against
are compared with each other, as the difference of their log-odds, and not with one half. Tags are looked up by their
plain word (no case, spaces, punctuation, or ``kind---`` in front), in the spellings of MTT, MSD and MTG-Jamendo; those
that the ensemble does not know are left out, and where it knows none the signal alone decides, with little confidence.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from shared.features.values import SignalFeatures

_ODDS_FLOOR: Final = 0.003  # below it, probabilities of rare tags are rounding, not votes

VOICES: Final = (
    *("vocals", "vocal", "voice", "singing", "female vocals", "female vocal", "female vocalist", "female vocalists"),
    *("male vocals", "male vocal", "male vocalist", "male vocalists", "female voice", "male voice", "rap", "opera"),
)
NO_VOICES: Final = ("no vocals", "no vocal", "no voice", "instrumental")
ACOUSTIC: Final = (
    *("acoustic", "acoustic guitar", "classical guitar", "piano", "violin", "cello", "strings", "harp", "harpsichord"),
    *("flute", "sitar", "orchestra", "orchestral", "classical", "opera", "choir", "folk", "jazz"),
)
ELECTRIC: Final = (
    *("electronic", "electronica", "electro", "techno", "house", "synth", "synthesizer", "beat", "dance", "rock"),
    *("hard rock", "metal", "heavy metal", "punk", "electric guitar", "hip-hop", "drum machine"),
)
HAPPY: Final = ("happy", "party", "fun", "upbeat", "dance", "catchy", "funk", "summer", "positive", "uplifting")
SAD: Final = ("sad", "melancholic", "dark", "ambient", "heavy metal", "metal", "depressive", "slow", "melancholy")
SPOKEN: Final = ("speech", "spoken", "spoken word", "talking", "comedy", "audiobook")
RAPPED: Final = ("hip-hop", "hip hop", "rap")
AUDIENCE: Final = ("live", "crowd", "audience", "applause", "concert")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value in [0, 1] and how sure it is, in [0, 1]."""

    value: float
    confidence: float


class TagVotes:
    """Fused tag probabilities, looked up by plain word."""

    def __init__(self, probabilities: Mapping[str, float]) -> None:
        """Args: ``probabilities`` by tag, in [0, 1]; others, and NaN, are ignored."""
        self._by_word: dict[str, float] = {}
        for tag, probability in probabilities.items():
            if 0.0 <= probability <= 1.0:
                word = _plain(tag)
                self._by_word[word] = max(probability, self._by_word.get(word, 0.0))

    def strongest(self, tags: Iterable[str]) -> float | None:
        """Return the highest probability among ``tags``; None when the ensemble knows none of them."""
        return max((self._by_word[word] for word in map(_plain, tags) if word in self._by_word), default=None)

    def lead(self, for_: Iterable[str], against: Iterable[str]) -> float | None:
        """Return the log-odds of the strongest tag of one side minus those of the other; None without both."""
        most_for, most_against = self.strongest(for_), self.strongest(against)
        if most_for is None or most_against is None:
            return None
        return _logit(most_for) - _logit(most_against)


def instrumentalness(signal: SignalFeatures, votes: TagVotes) -> Estimate:
    """Nobody sings or speaks words; choirs without words count as instruments, as Spotify's "ooh" and "aah" do.

    ``logistic(1.2 * (lead of NO_VOICES over VOICES) + 1.0)``: voices are tagged more readily than their absence, so
    that equal votes mean an instrumental. Speech in the signal pulls it down.
    """
    lead = votes.lead(NO_VOICES, VOICES)
    unspoken = 1.0 - spoken_in_signal(signal)
    if lead is None:
        return Estimate(0.5 * unspoken, 0.1)
    value = _logistic(1.2 * lead + 1.0)
    return Estimate(value * unspoken, 0.8 * _decidedness(value))


def speechiness(signal: SignalFeatures, votes: TagVotes) -> Estimate:
    """Spoken words: above 0.66 all speech, 0.33 to 0.66 speech and music (rap), below 0.33 music.

    Either of: speech in the signal (syllables, pauses, neither beat nor scale), up to 0.95; a speech tag; rap, as 0.5
    times how clearly hip-hop is tagged. A floor of 0.03 is what music has on Spotify's scale.
    """
    rapped, spoken_tag = votes.strongest(RAPPED), votes.strongest(SPOKEN)
    spoken = spoken_in_signal(signal)
    parts = (0.95 * spoken, 0.5 * _saturated(rapped, 0.3), 0.9 * _saturated(spoken_tag, 0.3), 0.03)
    value = 1.0 - math.prod(1.0 - part for part in parts)
    known = 0.6 if spoken_tag is not None else 0.4 if rapped is not None else 0.25
    return Estimate(value, known * max(0.3, _decidedness(value)))


def acousticness(signal: SignalFeatures, votes: TagVotes) -> Estimate:
    """No electric or electronic instruments.

    ``logistic(lead of ACOUSTIC over ELECTRIC - 2 * (energy - 0.5))``: loud, bright and dense music is amplified.
    Without tags the second term alone.
    """
    amplified = 2.0 * (signal.energy - 0.5)
    lead = votes.lead(ACOUSTIC, ELECTRIC)
    if lead is None:
        return Estimate(_logistic(-amplified), 0.15)
    value = _logistic(lead - amplified)
    return Estimate(value, 0.8 * _decidedness(value))


def liveness(signal: SignalFeatures, votes: TagVotes) -> Estimate:
    """An audience is there.

    0.08 to 0.3 by how much of a steady, flat floor lies under the music, as rooms and crowds leave one; tags of an
    audience, where the ensemble has them, up to 0.95. Without such tags nothing above 0.3 is claimed, and the
    confidence says so.
    """
    floor = 0.08 + 0.22 * signal.floor
    audience = votes.strongest(AUDIENCE)
    if audience is None:
        return Estimate(floor, 0.1)
    value = 1.0 - (1.0 - floor) * (1.0 - 0.95 * _saturated(audience, 0.3))
    return Estimate(value, 0.3 + 0.4 * _decidedness(value))


def valence(signal: SignalFeatures, votes: TagVotes) -> Estimate:
    """Musical positiveness, from sad or angry (0) to happy or euphoric (1).

    ``logistic(0.4 * (lead of HAPPY over SAD) + 0.8 * mode + 2 * (danceability - 0.5))`` with mode +1 major to -1 minor,
    times its confidence: major and danceable music is called happy (Hevner 1935; Eerola and Vuoskoski 2011), minor and
    slow music sad.
    """
    scale = (1.0 if signal.mode == 1 else -1.0) * signal.mode_confidence
    mood = 0.8 * scale + 2.0 * (signal.danceability - 0.5)
    lead = votes.lead(HAPPY, SAD)
    if lead is None:
        return Estimate(_logistic(mood), 0.15)
    value = _logistic(0.4 * lead + mood)
    return Estimate(value, 0.6 * _decidedness(value))


def spoken_in_signal(signal: SignalFeatures) -> float:
    """Return how much the signal is like speech: modulated at 4 Hz, with pauses, without a beat, without a scale.

    The first two after Scheirer and Slaney (1997); in music half of the modulation at the rate of syllables is common,
    so that all four are needed.
    """
    syllables = _between(signal.syllabic, 0.25, 0.5)
    pauses = _between(signal.pauses, 0.1, 0.3)
    return math.sqrt(syllables * pauses) * (1.0 - signal.pulse_clarity) * (1.0 - signal.tonality)


def _plain(tag: str) -> str:
    return "".join(letter for letter in tag.rpartition("---")[2].casefold() if letter.isalnum())


def _logit(probability: float) -> float:
    bounded = min(max(probability, _ODDS_FLOOR), 1.0 - _ODDS_FLOOR)
    return math.log(bounded / (1.0 - bounded))


def _logistic(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(max(logit, -30.0), 30.0)))


def _decidedness(value: float) -> float:
    """Return 0 for a value of one half, 1 for 0 and 1."""
    return abs(2.0 * value - 1.0)


def _saturated(probability: float | None, clear: float) -> float:
    return 0.0 if probability is None else min(1.0, probability / clear)


def _between(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))
