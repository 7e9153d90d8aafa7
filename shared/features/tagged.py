"""The five features that depend on what is heard: formulas over the members' tag probabilities and signal values.

Taggers are trained on rare labels: 0.2 is a strong vote for "female vocals", and 0.02 is none. So tags for and against
are compared with each other, and not with one half: within each member, which has its own idea of how often it says
anything, as the logarithm of the ratio of what it puts on either side; then averaged over members. Tags are looked up
by their plain word (no case, spaces, punctuation, or ``kind---`` in front), in the spellings of MTT, MSD and
MTG-Jamendo; those that a member does not know are left out, and where no member knows any the signal alone decides,
with little confidence.

Networks hear the level. On 56 clips, real and rendered, 3 dB of gain move the log-odds of the *strongest* tags of two
sides by up to 0.7 nats against each other, and the averages above by 0.3 to 0.4 at most. The slopes below are as steep
as that allows: a quarter of a slope times so many nats stays below 0.05.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from shared.features.values import SignalFeatures

_FLOOR: Final = 0.005  # of each tag: below it, probabilities are rounding, not votes

VOICES: Final = (
    *("vocals", "vocal", "voice", "singing", "female", "woman", "male", "man", "rap"),
    *("female vocals", "female vocal", "female vocalist", "female vocalists", "female voice"),
    *("male vocals", "male vocal", "male vocalist", "male vocalists", "male voice"),
)
NO_VOICES: Final = ("no vocals", "no vocal", "no voice", "instrumental")
ACOUSTIC: Final = (
    *("acoustic", "acoustic guitar", "classical guitar", "piano", "violin", "cello", "strings", "harp", "harpsichord"),
    *("flute", "sitar", "orchestra", "orchestral", "classical", "solo", "opera", "choir", "choral"),
    *("folk", "country", "blues", "jazz"),
)
ELECTRIC: Final = (
    *("electronic", "electronica", "electro", "techno", "house", "synth", "synthesizer", "beat", "beats", "dance"),
    *("rock", "hard rock", "metal", "heavy metal", "punk", "electric guitar", "hip-hop", "drum machine", "loud"),
)
HAPPY: Final = ("happy", "party", "fun", "upbeat", "dance", "catchy", "funk", "summer", "positive", "uplifting")
SAD: Final = ("sad", "melancholic", "melancholy", "dark", "depressive", "ambient", "heavy metal", "metal", "slow")
SPOKEN: Final = ("speech", "spoken", "spoken word", "talking", "comedy", "audiobook")
RAPPED: Final = ("hip-hop", "rap")
AUDIENCE: Final = ("live", "crowd", "audience", "applause", "concert")

# Where the two sides balance, in nats: as sides have different numbers of tags, and voices are tagged more readily than
# their absence, equal mass is not an even chance. Halfway between clips with and without voices; between a sampled
# orchestra and a rock band; between a march and a lament.
_EVEN_VOICES, _EVEN_ACOUSTIC, _EVEN_MOOD = -1.2, -0.5, -1.8
# Nats at 3 dB, once the means below are taken out: voices 0.26, acoustic 0.17, mood 0.38.
_VOICES, _ACOUSTIC, _MOOD = 0.65, 0.9, 0.45
# Level as such makes taggers say "acoustic" and "no vocals" less often, on average by so much; asked is what they would
# have said at a common level.
_ELECTRIC_NATS_PER_LU, _VOICE_NATS_PER_LU, _COMMON_LUFS = 0.048, 0.014, -14.0
_KNOWN_LU = 15.0  # to each side: where that slope was seen


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value in [0, 1] and how sure it is, in [0, 1]."""

    value: float
    confidence: float


class TagVotes:
    """What each member of an ensemble says, looked up by plain word."""

    def __init__(self, members: Iterable[Mapping[str, float]]) -> None:
        """Args: ``members``, each one's probabilities in [0, 1] by tag; others, and NaN, are ignored."""
        self._members = [_by_word(probabilities) for probabilities in members]

    def strongest(self, tags: Iterable[str]) -> float | None:
        """Return the highest of the tags' probabilities, averaged over the members that know any; None without such."""
        words = [_plain(tag) for tag in tags]
        known = [[member[word] for word in words if word in member] for member in self._members]
        highest = [max(probabilities) for probabilities in known if probabilities]
        return sum(highest) / len(highest) if highest else None

    def lead(self, for_: Iterable[str], against: Iterable[str]) -> float | None:
        """Return how many nats one side has more than the other, averaged over the members that know both.

        None without such a member.
        """
        sides = [tuple(dict.fromkeys(map(_plain, side))) for side in (for_, against)]
        leads = []
        for member in self._members:
            masses = [sum(member[word] + _FLOOR for word in side if word in member) for side in sides]
            if all(masses):
                leads.append(math.log(masses[0] / masses[1]))
        return sum(leads) / len(leads) if leads else None


def instrumentalness(signal: SignalFeatures, votes: TagVotes) -> Estimate:
    """Nobody sings or speaks words; choirs without words count as instruments, as Spotify's "ooh" and "aah" do.

    ``logistic(0.65 * (lead of NO_VOICES over VOICES + 1.2 + 0.014 * (loudness + 14)))``: the last term takes out what
    level alone does to the lead. Speech in the signal pulls it down.
    """
    lead = votes.lead(NO_VOICES, VOICES)
    unspoken = 1.0 - spoken_in_signal(signal)
    if lead is None:
        return Estimate(0.5 * unspoken, 0.1)
    value = _logistic(_VOICES * (lead - _EVEN_VOICES + _VOICE_NATS_PER_LU * _louder_lu(signal)))
    return Estimate(value * unspoken, 0.8 * _decidedness(value))


def speechiness(signal: SignalFeatures, votes: TagVotes) -> Estimate:
    """Spoken words: above 0.66 all speech, 0.33 to 0.66 speech and music (rap), below 0.33 music.

    Any of: speech in the signal (syllables, pauses, neither beat nor scale), up to 0.95; a speech tag, up to 0.9; rap,
    as probable as hip-hop is, up to 0.5. A floor of 0.03 is what music has on Spotify's scale.
    """
    rapped, spoken_tag = votes.strongest(RAPPED), votes.strongest(SPOKEN)
    spoken = spoken_in_signal(signal)
    parts = (0.95 * spoken, min(0.5, rapped or 0.0), 0.9 * _clear(spoken_tag), 0.03)
    value = 1.0 - math.prod(1.0 - part for part in parts)
    known = 0.6 if spoken_tag is not None else 0.4 if rapped is not None else 0.25
    return Estimate(value, known * max(0.3, _decidedness(value)))


def acousticness(signal: SignalFeatures, votes: TagVotes) -> Estimate:
    """No electric or electronic instruments.

    ``logistic(0.9 * (lead of ACOUSTIC over ELECTRIC + 0.5 + 0.048 * (loudness + 14)))``: the last term as above.
    Without tags: quiet, dark and sparse music, by its lack of energy.
    """
    lead = votes.lead(ACOUSTIC, ELECTRIC)
    if lead is None:
        return Estimate(_logistic(-2.0 * (signal.energy - 0.5)), 0.15)
    value = _logistic(_ACOUSTIC * (lead - _EVEN_ACOUSTIC + _ELECTRIC_NATS_PER_LU * _louder_lu(signal)))
    return Estimate(value, 0.8 * _decidedness(value))


def liveness(signal: SignalFeatures, votes: TagVotes) -> Estimate:
    """An audience is there.

    0.12, what most records have on Spotify's scale, unless there is applause in the signal (up to 0.6) or an ensemble
    with tags of an audience says so (up to 0.95). Without either nothing is known: the confidence is 0.05.
    """
    audience = votes.strongest(AUDIENCE)
    value = 1.0 - (1.0 - 0.12) * (1.0 - 0.55 * signal.applause) * (1.0 - 0.95 * _clear(audience))
    if audience is None:
        return Estimate(value, 0.05 + 0.25 * signal.applause)
    return Estimate(value, 0.3 + 0.4 * _decidedness(value))


def valence(signal: SignalFeatures, votes: TagVotes) -> Estimate:
    """Musical positiveness, from sad or angry (0) to happy or euphoric (1).

    ``logistic(0.45 * (lead of HAPPY over SAD + 1.8) + 0.8 * mode + 1.5 * (danceability - 0.5))`` with mode +1 major to
    -1 minor, times its confidence: major and danceable music is called happy (Hevner 1935; Eerola and Vuoskoski 2011),
    minor and slow music sad.
    """
    scale = (1.0 if signal.mode == 1 else -1.0) * signal.mode_confidence
    mood = 0.8 * scale + 1.5 * (signal.danceability - 0.5)
    lead = votes.lead(HAPPY, SAD)
    if lead is None:
        return Estimate(_logistic(mood), 0.15)
    value = _logistic(_MOOD * (lead - _EVEN_MOOD) + mood)
    return Estimate(value, 0.6 * _decidedness(value))


def spoken_in_signal(signal: SignalFeatures) -> float:
    """Return how much the signal is like speech: modulated at 4 Hz, with pauses, without a beat, without a scale.

    The first two after Scheirer and Slaney (1997); in music half of the modulation at the rate of syllables is common,
    so that all four are needed.
    """
    syllables = _between(signal.syllabic, 0.25, 0.5)
    pauses = _between(signal.pauses, 0.1, 0.3)
    return math.sqrt(syllables * pauses) * (1.0 - signal.pulse_clarity) * (1.0 - signal.tonality)


def _louder_lu(signal: SignalFeatures) -> float:
    """Return how far the track is above the common level, in LU; 0 for silence."""
    if signal.loudness is None:
        return 0.0
    return min(max(signal.loudness - _COMMON_LUFS, -_KNOWN_LU), _KNOWN_LU)


def _by_word(probabilities: Mapping[str, float]) -> dict[str, float]:
    by_word: dict[str, float] = {}
    for tag, probability in probabilities.items():
        if 0.0 <= probability <= 1.0:
            word = _plain(tag)
            by_word[word] = max(probability, by_word.get(word, 0.0))
    return by_word


@lru_cache(maxsize=4096)  # the vocabularies; a third of the time that a track's features take
def _plain(tag: str) -> str:
    return "".join(letter for letter in tag.rpartition("---")[2].casefold() if letter.isalnum())


def _logistic(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(max(logit, -30.0), 30.0)))


def _decidedness(value: float) -> float:
    """Return 0 for a value of one half, 1 for 0 and 1."""
    return abs(2.0 * value - 1.0)


def _clear(probability: float | None) -> float:
    """Return 1 for what is more likely than not."""
    return 0.0 if probability is None else min(1.0, 2.0 * probability)


def _between(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))
