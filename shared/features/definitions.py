"""What each feature means here: the one table that documents, checks and shows the twelve."""

from dataclasses import dataclass
from typing import Final, Literal

Filler = Literal["extractor", "classifier"]


@dataclass(frozen=True, slots=True)
class Definition:
    """One feature: its range, its meaning, how it is computed and where that comes from."""

    name: str  # Spotify's
    low: float | None  # None: no bound
    high: float | None
    filled_by: Filler
    meaning: str
    formula: str
    source: str
    module: str  # where the formula is, in code


DEFINITIONS: Final = (
    Definition(
        "danceability", 0.0, 1.0, "extractor",
        "How well one can dance to it: tempo, rhythm stability, beat strength and regularity.",
        "0.4 beat + 0.25 regularity + 0.2 pace + 0.15 bass; beat: onset autocorrelation after 1, 2 or 4 beats"
        " against 0.7;"
        " regularity: the same after 8 to 16 beats against it; pace: bell of half an octave around 118 BPM;"
        " pace and bass count as far as the beat is clear",
        "Spotify's wording; MacDougall and Moore 2005 for the pace", "workers.extractor.signal_features.danceability",
    ),
    Definition(
        "energy", 0.0, 1.0, "extractor",
        "Intensity and activity: loudness, attacks, brightness, fullness, lack of dynamics.",
        "logistic(7.6 (0.3 loudness (-42 to -6 LUFS) + 0.16 attacks + 0.22 brightness + 0.18 fullness + 0.14 "
        "density - 0.58));"
        " 3 dB of gain move it by 0.048 at most",
        "Spotify's wording", "workers.extractor.signal_features.energy",
    ),
    Definition(
        "key", -1, 11, "extractor",
        "Pitch class of the tonic, 0 = C; -1 when no scale is heard.",
        "best correlation of the tuned chroma of spectral peaks with 24 profiles",
        "Albrecht and Shanahan 2013, Temperley 2001", "workers.extractor.signal_features.key",
    ),
    Definition(
        "loudness", None, None, "extractor",
        "Integrated loudness of the whole track in LUFS.",
        "K-weighting, blocks of 400 ms, gates at -70 LUFS and -10 LU",
        "ITU-R BS.1770-5", "workers.extractor.loudness",
    ),
    Definition(
        "mode", 0, 1, "extractor",
        "1 major, 0 minor.",
        "mode of the best profile, also where key is -1 (with confidence 0)",
        "as key", "workers.extractor.signal_features.key",
    ),
    Definition(
        "speechiness", 0.0, 1.0, "classifier",
        "Spoken words: above 0.66 all speech, 0.33 to 0.66 speech and music, below 0.33 music.",
        "any of: 0.95 speech in the signal (syllables and pauses, neither beat nor scale), 0.9 speech tags, "
        "hip-hop tags up to 0.5, 0.03",
        "Spotify's wording; Scheirer and Slaney 1997 for the signal", "shared.features.tagged",
    ),
    Definition(
        "acousticness", 0.0, 1.0, "classifier",
        "Confidence that no instrument is electric or electronic.",
        "logistic(0.9 (nats by which a member hears more acoustic than electric tags, mean over members, + 0.5"
        " + 0.048 (loudness + 14)))",
        "Spotify's wording; tags", "shared.features.tagged",
    ),
    Definition(
        "instrumentalness", 0.0, 1.0, "classifier",
        "Nobody sings or speaks words; choirs without words count as instruments.",
        "logistic(0.65 (nats by which a member hears more of no voice than of voices, mean over members, + 1.2"
        " + 0.014 (loudness + 14))) times absence of speech",
        "Spotify's wording; tags", "shared.features.tagged",
    ),
    Definition(
        "liveness", 0.0, 1.0, "classifier",
        "Presence of an audience; above 0.8 strong likelihood.",
        "0.12 unless seconds of the excerpt sound like clapping (up to 0.6) or the ensemble has audience tags (up to "
        "0.95); confidence 0.05 without either",
        "Spotify's wording; a prior", "shared.features.tagged",
    ),
    Definition(
        "valence", 0.0, 1.0, "classifier",
        "Musical positiveness, from sad or angry to happy or euphoric.",
        "logistic(0.45 (nats by which a member hears more happy than sad tags, mean over members, + 1.8) + 0.8 mode "
        "+ 1.5 (danceability - 0.5))",
        "Eerola and Vuoskoski 2011 for mode; tags", "shared.features.tagged",
    ),
    Definition(
        "tempo", 0.0, None, "extractor",
        "Beats a minute as people tap them; 0 when hardly anything tells one tempo from another.",
        "onsets, cymbals and harmonic change at a quarter of a beat to eight beats against a metrical "
        "template, prior 115 BPM, 0.45 octaves",
        "autocorrelation phase: Ellis 2007; template: benchmarks/tempo_template.py",
        "workers.extractor.signal_features.tempo",
    ),
    Definition(
        "time_signature", 3, 7, "extractor",
        "Beats in a bar.",
        "which number of beats recurs better than the others, with handicaps for 3, 5 and 7",
        "beat-lag contrast after Brown 1993", "workers.extractor.signal_features.meter",
    ),
    Definition(
        "duration_ms", 0, None, "extractor",
        "Length of what was decoded, in milliseconds.",
        "decoded frames over sample rate", "-", "workers.extractor.decoding",
    ),
)  # fmt: skip
