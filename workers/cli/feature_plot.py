"""`features show --plot`: what was heard in one track, and what was made of it, in one picture."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from schemas.errors import InvalidSettingError
from schemas.events import AudioFeatures, TrackResult
from shared.settings.loading import loaded
from shared.settings.media import MediaSettings
from workers.cli.feature_curves import BPM_RANGE, FeatureCurves, feature_curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHARPS: Final = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
_FLATS: Final = ("C", "D♭", "D", "E♭", "E", "F", "G♭", "G", "A♭", "A", "B♭", "B")
# Tonics whose scales are written with flats, by mode. The others, and music without a key, have sharps.
_FLAT_TONICS: Final = {1: (1, 3, 5, 8, 10), 0: (0, 2, 3, 5, 7, 10)}
_SCALES: Final = {1: (0, 2, 4, 5, 7, 9, 11), 0: (0, 2, 3, 5, 7, 8, 10)}  # major; natural minor
_BARS: Final = (
    *("danceability", "energy", "valence", "acousticness"),
    *("instrumentalness", "speechiness", "liveness"),
)

_GROUND, _INK, _FAINT, _ACCENT, _SECOND = "#12141c", "#e8e6e3", "#8a8f9c", "#ffb454", "#6cc7d9"
_STYLE: Final[dict[Any, Any]] = {
    "figure.facecolor": _GROUND,
    "savefig.facecolor": _GROUND,
    "axes.facecolor": _GROUND,
    "axes.edgecolor": "#3a3f4b",
    "axes.labelcolor": _FAINT,
    "axes.titlecolor": _INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": _INK,
    "xtick.color": _FAINT,
    "ytick.color": _FAINT,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same picture everywhere
}
_BRIGHTEST_PERCENTILE = 98.0  # a bass note alone would else leave the chords in the dark
_QUIET_DB = -20.0  # what stays below it all the time, as silence does, is drawn dark
_SIZE_INCHES, _DPI = (13.0, 13.0), 120


def check_matplotlib() -> None:
    """Raise InvalidSettingError when there is nothing to draw with."""
    if find_spec("matplotlib") is None:
        raise InvalidSettingError("plots need matplotlib: pip install matplotlib")


def plot_features(path: Path, result: TrackResult, picture: Path) -> None:
    """Draw the features of an audio file into a PNG.

    Args:
        path: of the audio; read once more, as what is drawn is not in the result.
        result: what was made of it.
        picture: to write.
    Raises: InvalidSettingError when it cannot be written, or without matplotlib; a PermanentError when the audio
        cannot be decoded.
    """
    check_matplotlib()
    import matplotlib as mpl
    from matplotlib.figure import Figure

    curves = feature_curves(path, loaded(MediaSettings))
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_SIZE_INCHES)
        _draw(figure, path.name, curves, result.features)
        try:
            figure.savefig(picture, dpi=_DPI, format="png")
        except OSError as error:
            raise InvalidSettingError(f"cannot write {picture}: {error.strerror}") from error


def _draw(figure: Figure, name: str, curves: FeatureCurves, found: AudioFeatures) -> None:
    grid = figure.add_gridspec(
        5, 2, width_ratios=(4.2, 1.0), height_ratios=(0.8, 1.3, 1.3, 1.3, 0.9),
        left=0.065, right=0.975, top=0.905, bottom=0.045, hspace=0.36, wspace=0.07,
    )  # fmt: skip
    figure.text(0.065, 0.962, name if len(name) <= 60 else f"{name[:57]}...", fontsize=17, weight="bold")
    figure.text(0.065, 0.938, _summary(found), fontsize=11, color=_ACCENT)
    waveform = figure.add_subplot(grid[0, 0])
    _draw_waveform(waveform, curves)
    _draw_log_mel(figure.add_subplot(grid[1, 0]), curves)
    tempogram = figure.add_subplot(grid[2, 0])
    _draw_tempogram(tempogram, curves, found)
    _draw_tempo_profile(figure.add_subplot(grid[2, 1], sharey=tempogram), curves, found)
    chroma = figure.add_subplot(grid[3, 0])
    _draw_chroma(chroma, curves, found)
    _draw_pitch_classes(figure.add_subplot(grid[3, 1], sharey=chroma), curves, found)
    loudness = figure.add_subplot(grid[4, 0], sharex=waveform)
    _draw_loudness(loudness, curves, found)
    _draw_bars(figure.add_subplot(grid[0:2, 1]), found)
    _draw_loudness_figures(figure.add_subplot(grid[4, 1]), curves, found)


def _summary(found: AudioFeatures) -> str:
    parts = [
        f"{found.tempo:.1f} BPM" if found.tempo else "no beat",
        _key_name(found) or "no key",
        f"{found.time_signature}/4",
        f"{found.loudness:.1f} LUFS" if found.loudness is not None else "silence",
        f"{(found.duration_ms or 0) / 1000:.1f} s",
    ]
    return "   ·   ".join(parts)


def _key_name(found: AudioFeatures) -> str:
    if found.key is None or found.key < 0:
        return ""
    return f"{_pitch_names(found)[found.key]} {'major' if found.mode else 'minor'}"


def _pitch_names(found: AudioFeatures) -> tuple[str, ...]:
    return _FLATS if found.key in _FLAT_TONICS[found.mode or 0] else _SHARPS


def _confidence(found: AudioFeatures, name: str) -> float:
    return (found.confidence or {}).get(name, 0.0)


def _draw_waveform(axes: Axes, curves: FeatureCurves) -> None:
    axes.axvspan(curves.start_s, curves.end_s, color="#ffffff", alpha=0.05, lw=0)
    axes.fill_between(curves.envelope_times_s, curves.lowest, curves.highest, color=_SECOND, lw=0)
    axes.set(title="Waveform", xlim=(0.0, curves.duration_s), ylim=(-1.05, 1.05), yticks=(-1, 0, 1))
    if curves.end_s - curves.start_s < curves.duration_s - 0.1:
        axes.text(
            curves.start_s,
            1.0,
            "  the excerpt below",
            va="top",
            fontsize=8.5,
            color=_FAINT,
            bbox={"facecolor": _GROUND, "alpha": 0.7, "lw": 0, "pad": 1.5},
        )


def _draw_log_mel(axes: Axes, curves: FeatureCurves) -> None:
    highest = max(float(curves.log_mel_db.max()), _QUIET_DB)
    extent = (curves.start_s, curves.end_s, 0.0, float(curves.log_mel_db.shape[1]))
    axes.imshow(
        curves.log_mel_db.T, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=highest - 80, vmax=highest
    )
    places = np.interp((100, 500, 1000, 2000, 4000, 7000), curves.band_hz, np.arange(curves.band_hz.size) + 0.5)
    axes.set(
        title="Log-mel spectrogram", ylabel="Hz", yticks=places, yticklabels=("100", "500", "1k", "2k", "4k", "7k")
    )


def _draw_tempogram(axes: Axes, curves: FeatureCurves, found: AudioFeatures) -> None:
    axes.pcolormesh(
        curves.tempogram_times_s, curves.bpms, curves.tempogram.T, cmap="magma", vmin=0.0, shading="gouraud"
    )
    axes.set_yscale("log")
    axes.minorticks_off()
    ticks = (40, 60, 80, 100, 120, 160, 200, 240)
    axes.set(title="Tempogram", ylabel="BPM", ylim=BPM_RANGE, yticks=ticks, yticklabels=ticks)
    axes.set_xlim(curves.start_s, curves.end_s)
    for bpm, colour, style, label in _tempi(found):
        axes.axhline(bpm, color=colour, lw=1.6, ls=style)
        axes.annotate(
            label, (curves.start_s, bpm), (8, 4), textcoords="offset points", color=_GROUND, fontsize=9, weight="bold",
            bbox={"boxstyle": "round,pad=0.25", "facecolor": colour, "edgecolor": "none"},
        )  # fmt: skip


def _tempi(found: AudioFeatures) -> list[tuple[float, str, Any, str]]:
    """What to mark, with its colour, line style and words."""
    marks: list[tuple[float, str, Any, str]] = []
    if found.tempo:
        sure = _confidence(found, "tempo")
        marks.append((found.tempo, _ACCENT, "-", f"{found.tempo:.1f}  (confidence {sure:.2f})"))
    if other := found.tempo_alternative:
        marks.append((other.bpm, _SECOND, (0, (4, 3)), f"{other.bpm:.1f}  (or this: {other.weight:.2f})"))
    return marks


def _draw_tempo_profile(axes: Axes, curves: FeatureCurves, found: AudioFeatures) -> None:
    profile = curves.tempogram.mean(axis=0)
    axes.fill_betweenx(curves.bpms, 0.0, profile, color="#b5367a", alpha=0.8, lw=0)
    for bpm, colour, style, _ in _tempi(found):
        axes.axhline(bpm, color=colour, lw=1.6, ls=style)
    axes.set(title="how much recurs", xlim=(0.0, max(float(profile.max()) * 1.05, 1e-3)), xticks=())
    axes.tick_params(labelleft=False)


def _draw_chroma(axes: Axes, curves: FeatureCurves, found: AudioFeatures) -> None:
    axes.imshow(
        curves.chroma.T, origin="lower", aspect="auto", extent=(curves.start_s, curves.end_s, -0.5, 11.5), cmap="magma",
        vmin=0.0, vmax=max(float(np.percentile(curves.chroma, _BRIGHTEST_PERCENTILE)), 1e-6), interpolation="nearest",
    )  # fmt: skip
    title = (
        f"Chroma: {_key_name(found)}  (confidence {_confidence(found, 'key'):.2f})"
        if _key_name(found)
        else "Chroma: no key"
    )
    axes.set(title=title, yticks=range(12), yticklabels=_pitch_names(found))
    scale = _scale(found)
    for pitch, label in enumerate(axes.get_yticklabels()):
        if pitch in scale:
            label.set_color(_ACCENT if pitch == found.key else _INK)
            label.set_fontweight("bold" if pitch == found.key else "normal")


def _scale(found: AudioFeatures) -> set[int]:
    if not _key_name(found) or found.key is None:
        return set()
    return {(found.key + step) % 12 for step in _SCALES[1 if found.mode else 0]}


def _draw_pitch_classes(axes: Axes, curves: FeatureCurves, found: AudioFeatures) -> None:
    scale = _scale(found)
    colours = [_ACCENT if pitch == found.key else "#b5367a" if pitch in scale else "#4a4f5c" for pitch in range(12)]
    axes.barh(range(12), curves.pitch_classes, color=colours, height=0.72)
    axes.set(title="pitch classes", xticks=())
    axes.tick_params(labelleft=False)


def _draw_loudness(axes: Axes, curves: FeatureCurves, found: AudioFeatures) -> None:
    lowest = max(-70.0, float(np.percentile(curves.momentary_lufs, 2)) - 4.0)
    top = float(curves.momentary_lufs.max()) + 3.0
    axes.fill_between(curves.loudness_times_s, lowest, curves.momentary_lufs, color=_SECOND, alpha=0.25, lw=0)
    axes.plot(curves.loudness_times_s, curves.short_term_lufs, color=_SECOND, lw=1.8)
    if found.loudness is not None:
        axes.axhline(found.loudness, color=_ACCENT, lw=1.4)
    axes.set(title="Loudness: momentary, and of 3 s", ylabel="LUFS", xlabel="s", ylim=(lowest, max(top, lowest + 1.0)))


def _draw_loudness_figures(axes: Axes, curves: FeatureCurves, found: AudioFeatures) -> None:
    axes.axis("off")
    if found.loudness is None:
        return
    figures = (
        ("integrated", found.loudness, _ACCENT),
        ("loudest 3 s", float(curves.short_term_lufs.max()), _SECOND),
        ("loudest 400 ms", float(curves.momentary_lufs.max()), _FAINT),
    )
    for place, (name, lufs, colour) in enumerate(figures):
        axes.text(0.0, 0.8 - 0.25 * place, name, fontsize=9.5)
        axes.text(1.0, 0.8 - 0.25 * place, f"{lufs:.1f} LUFS", fontsize=9.5, ha="right", color=colour)


def _draw_bars(axes: Axes, found: AudioFeatures) -> None:
    for place, name in enumerate(reversed(_BARS)):
        value = getattr(found, name) or 0.0
        axes.barh(place, 1.0, color="#ffffff", alpha=0.06, height=0.34)
        axes.barh(place, value, color=_ACCENT, alpha=0.3 + 0.7 * _confidence(found, name), height=0.34)
        axes.text(0.0, place + 0.27, name, fontsize=9.5, va="bottom")
        axes.text(1.0, place + 0.27, f"{value:.2f}", fontsize=9.5, va="bottom", ha="right", color=_FAINT)
    axes.text(0.0, -0.55, "the fainter, the less certain", fontsize=8.5, color=_FAINT)
    axes.set(xlim=(0.0, 1.0), ylim=(-0.6, len(_BARS) - 0.3))
    axes.axis("off")
