"""Which ensemble a command or worker means: that of a folder, that of the settings, or the default one."""

from pathlib import Path

from shared.models.manifest import Ensemble, load_ensemble, with_label_embedding
from shared.settings.loading import loaded
from shared.settings.workers import ModelSettings


def chosen_ensemble(folder: Path | None = None) -> tuple[Ensemble, Path]:
    """The ensemble of ``folder``, else that of the settings, and where it lies; the default is built at first use.

    Raises: InvalidSettingError when it is missing or damaged, or has no output as the settings want it in labels.
    """
    settings = loaded(ModelSettings)
    place = folder or settings.ensemble
    if place is not None:
        ensemble = load_ensemble(place)
    else:
        from shared.models.builder import default_folder, exposures, located_or_built  # ONNX takes a while to load

        exposed = exposures([settings.embedding] if settings.embedding else ())
        place = default_folder(settings.folder, exposed)
        ensemble = located_or_built(place, exposed)
    return (with_label_embedding(ensemble, settings.embedding) if settings.embedding else ensemble), place


def ensemble_folder(folder: Path | None) -> Path:
    """Where that ensemble lies, or would lie."""
    from shared.models.builder import default_folder  # as above

    settings = loaded(ModelSettings)
    return folder or settings.ensemble or default_folder(settings.folder)
