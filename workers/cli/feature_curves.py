"""What the picture of a track's features is drawn from: the estimators' own evidence, followed over time."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.fft
from scipy.ndimage import uniform_filter1d
from scipy.signal import sosfilt

from shared.front_end.mel import band_centres_hz, mel_power, n_frames_of
from shared.front_end.spec import MUSICNN_96
from shared.settings.media import MediaSettings
from workers.extractor.decoding import SAMPLE_RATE_HZ, Decoded, DecodingLimits, decoded
from workers.extractor.loudness import LoudnessMeter, k_weighting
from workers.extractor.signal_features.frames import LOW_RATE_HZ, centred, low_rate
from workers.extractor.signal_features.key import tuned_chroma
from workers.extractor.signal_features.onsets import FRAME_RATE_HZ, onset_curves

Floats = npt.NDArray[np.float64]

BPM_RANGE: Final = (40.0, 240.0)

_ENVELOPE_POINTS = 1_500  # more than the picture has columns
_TEMPO_WINDOW_S, _TEMPO_HOP_S = 8.0, 0.25  # two bars at 60 BPM
_CHROMA_WINDOW_S, _CHROMA_HOP_S = 1.0, 0.25
_TREND_S = 1.0
_LOUDNESS_HOPS_PER_S = 10
_MOMENTARY_HOPS, _SHORT_TERM_HOPS = 4, 30  # 400 ms and 3 s (EBU Tech 3341)
_OFFSET_LU = -0.691  # of BS.1770
_SILENCE_LUFS = -100.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureCurves:
    """Curves and images of one track; those of the excerpt run from ``start_s`` to ``end_s``."""

    duration_s: float
    start_s: float
    end_s: float
    envelope_times_s: Floats  # (n_points,), of the whole track
    lowest: Floats  # (n_points,)
    highest: Floats  # (n_points,)
    log_mel_db: Floats  # (n_frames, n_bands), of the excerpt
    band_hz: Floats  # (n_bands,): centres
    tempogram: Floats  # (n_windows, n_bpms): autocorrelation of onsets, 0 to 1, of the excerpt
    tempogram_times_s: Floats  # (n_windows,)
    bpms: Floats  # (n_bpms,)
    chroma: Floats  # (n_windows, 12): C first, of the excerpt
    pitch_classes: Floats  # (12,): what the key was read from
    loudness_times_s: Floats  # (n_hops,), of the whole track
    momentary_lufs: Floats  # (n_hops,)
    short_term_lufs: Floats  # (n_hops,)


def feature_curves(path: Path, media: MediaSettings) -> FeatureCurves:
    """Decode a file in this process and follow what was measured. Raises: a PermanentError."""
    with path.open("rb") as file:
        track = decoded(file, DecodingLimits.from_settings(media))
    start_s, excerpt = track.excerpt_start_s, track.excerpt
    n_points = min(_ENVELOPE_POINTS, track.samples.size)
    parts = np.array_split(track.samples, n_points)
    loudest = max(float(np.abs(track.samples).max()), 1e-9)
    low = low_rate(centred(excerpt))
    times_s, tempogram, bpms = _tempogram(excerpt)
    momentary, short_term = _loudness_curves(track)
    return FeatureCurves(
        duration_s=track.duration_s,
        start_s=start_s,
        end_s=start_s + excerpt.size / SAMPLE_RATE_HZ,
        envelope_times_s=(np.arange(n_points) + 0.5) / n_points * track.duration_s,
        lowest=np.array([part.min() for part in parts]) / loudest,
        highest=np.array([part.max() for part in parts]) / loudest,
        log_mel_db=10.0 * np.log10(mel_power(excerpt, MUSICNN_96, 0, n_frames_of(excerpt.size, MUSICNN_96)) + 1e-10),
        band_hz=band_centres_hz(MUSICNN_96),
        tempogram=tempogram,
        tempogram_times_s=start_s + times_s,
        bpms=bpms,
        chroma=_chroma(low),
        pitch_classes=tuned_chroma(low).classes,
        loudness_times_s=(np.arange(momentary.size) + 1.0) / _LOUDNESS_HOPS_PER_S,
        momentary_lufs=momentary,
        short_term_lufs=short_term,
    )


def _tempogram(excerpt: npt.NDArray[np.float32]) -> tuple[Floats, Floats, Floats]:
    """Return the centres of windows in s, the autocorrelation of onsets in each by tempo, and the tempi in BPM."""
    samples = centred(excerpt)
    onsets = onset_curves(samples, low_rate(samples)).bands.mean(axis=0).astype(np.float64)
    onsets -= uniform_filter1d(onsets, round(_TREND_S * FRAME_RATE_HZ), mode="nearest")
    size, hop = round(_TEMPO_WINDOW_S * FRAME_RATE_HZ), round(_TEMPO_HOP_S * FRAME_RATE_HZ)
    # Windows reach beyond both ends, so that there is one centred on every moment.
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(onsets, size // 2), size)[::hop]
    spectra = scipy.fft.rfft(windows * np.hanning(size), 2 * size, axis=1)
    recurrence = scipy.fft.irfft(np.abs(spectra) ** 2, axis=1)[:, :size]
    recurrence /= np.maximum(recurrence[:, :1], 1e-3 * max(float(recurrence[:, 0].max()), 1e-12))
    bpms = np.geomspace(*BPM_RANGE, 240)
    lags = 60.0 / bpms * FRAME_RATE_HZ
    tempogram = np.array([np.interp(lags, np.arange(size), row) for row in recurrence])
    return np.arange(len(windows)) * hop / FRAME_RATE_HZ, np.maximum(tempogram, 0.0), bpms


def _chroma(low: npt.NDArray[np.float32]) -> Floats:
    size, hop = round(_CHROMA_WINDOW_S * LOW_RATE_HZ), round(_CHROMA_HOP_S * LOW_RATE_HZ)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(low, size // 2), size)[::hop]
    loudest = max(float(np.abs(windows).max()), 1e-9)
    # Each column with the same total, but in pauses, where there are no notes to show.
    return np.array(
        [tuned_chroma(window).classes * min(1.0, 30.0 * float(np.abs(window).max()) / loudest) for window in windows]
    )


def _loudness_curves(track: Decoded) -> tuple[Floats, Floats]:
    """Return momentary and short-term loudness ten times a second.

    The shape is that of the mono signal, the level is moved so that the integrated loudness is the measured one.
    """
    weighted = sosfilt(k_weighting(SAMPLE_RATE_HZ), track.samples.astype(np.float64))
    hop = SAMPLE_RATE_HZ // _LOUDNESS_HOPS_PER_S
    n_hops = max(1, weighted.size // hop)
    powers = np.square(np.resize(weighted, n_hops * hop) if weighted.size < hop else weighted[: n_hops * hop])
    powers = powers.reshape(n_hops, hop).mean(axis=1)
    meter = LoudnessMeter(SAMPLE_RATE_HZ, (1.0,))
    meter.add(track.samples[:, None])
    of_mono = meter.integrated_lufs()
    shift = 0.0 if of_mono is None or track.loudness_lufs is None else track.loudness_lufs - of_mono

    def curve(n: int) -> Floats:
        n = min(n, n_hops)
        means = np.convolve(powers, np.ones(n) / n)[:n_hops]  # of the last n hops
        means[: n - 1] = means[n - 1]  # a part of a window may be louder than any whole one
        lufs = _OFFSET_LU + 10.0 * np.log10(np.maximum(means, 1e-12)) + shift
        return np.asarray(np.maximum(lufs, _SILENCE_LUFS), np.float64)

    return curve(_MOMENTARY_HOPS), curve(_SHORT_TERM_HOPS)
