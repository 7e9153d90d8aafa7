"""The manifest: what an ensemble is made of, as a file that anyone can write.

A network is one entry: its file, what goes in, what comes out, its tags. So is a head that reads another network's
embedding, and one file may serve several members. Fields that we do not know are passed over.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError, model_validator

from schemas.errors import InvalidSettingError
from shared.front_end.spec import FrontEnd

MANIFEST_NAME = "manifest.json"
PROBABILITIES = "probabilities"  # the output that every member has; others, like "embedding", may be exposed too


def _front_end(value: object) -> object:
    return FrontEnd.from_json(value) if isinstance(value, Mapping) else value


class _Described(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def _one_or_several(value: object) -> object:
    return (value,) if isinstance(value, Mapping) else value


class OutputOf(_Described):
    """An output of a member, by its role."""

    member: str
    output: str = "embedding"

    def __str__(self) -> str:
        return f"{self.member}/{self.output}"


class Member(_Described):
    """One network of an ensemble."""

    name: Annotated[str, Field(min_length=1)]
    file: str
    """The ONNX file, relative to the manifest's folder."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    input: str = "mel"
    """Name of the graph's input: compressed float32 [n, patch_frames, bands], or [n, width] for a head."""
    outputs: dict[str, str]
    """Names of the graph's outputs by role; `probabilities` is [n, tags], `embedding` [n, any width]."""
    front_end: str | None = None
    """Name of its front end; None for a head."""
    patch_frames: Annotated[int, Field(gt=0)] | None = None
    hop_frames: Annotated[int, Field(gt=0)] | None = None
    """From one patch to the next; None puts patches side by side."""
    input_from: Annotated[tuple[OutputOf, ...], Field(min_length=1), BeforeValidator(_one_or_several)] | None = None
    """For a head: the outputs of members before it that it reads, flattened, one behind the other; one or a list."""
    tags: Annotated[tuple[str, ...], Field(min_length=1)]
    """In the order of the outputs, as the training data spell them."""
    vocabulary: str | None = None
    """The tag vocabulary that explains them."""
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    licence: str
    source: str
    """Who made it, to be found again."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        path = PurePosixPath(self.file)
        if path.is_absolute() or ".." in path.parts or not path.name:
            raise ValueError(f"{self.name}: file {self.file!r} must lie in the manifest's folder")
        if PROBABILITIES not in self.outputs:
            raise ValueError(f"{self.name}: outputs has no {PROBABILITIES!r}")
        if len(set(self.tags)) < len(self.tags):
            raise ValueError(f"{self.name}: tags names a tag twice")
        if self.input_from is None and (self.front_end is None or self.patch_frames is None):
            raise ValueError(f"{self.name}: needs front_end and patch_frames, or input_from")
        if self.input_from is not None and (self.front_end or self.patch_frames or self.hop_frames):
            raise ValueError(
                f"{self.name}: hears what input_from hears; front_end, patch_frames and hop_frames say more"
            )
        return self


class Ensemble(_Described):
    """Networks that listen to the same tracks, and how their answers become one."""

    version: Annotated[str, Field(min_length=1)]
    front_ends: Annotated[tuple[Annotated[FrontEnd, BeforeValidator(_front_end)], ...], Field(min_length=1)]
    members: Annotated[tuple[Member, ...], Field(min_length=1)]
    fusion: dict[str, JsonValue] = {}
    """Parameters of fusion and calibration; what fuses reads them."""
    taxonomy: str
    """Version of the taxonomy that the answers are given in."""
    error: dict[str, float] | None = None
    """How far the answers are from those of the exact networks, as whoever built it measured; None: they are exact."""
    label_embedding: OutputOf | None = None
    """The output whose mean over the patches travels in labels; None: labels have no embedding."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        front_ends = [front_end.name for front_end in self.front_ends]
        if len(set(front_ends)) < len(front_ends):
            raise ValueError("front_ends names one twice")
        earlier: dict[str, Member] = {}
        for member in self.members:
            if member.name in earlier:
                raise ValueError(f"members names {member.name} twice")
            if member.front_end is not None and member.front_end not in front_ends:
                raise ValueError(
                    f"{member.name}: unknown front_end {member.front_end!r}, the manifest has {front_ends}"
                )
            for given in member.input_from or ():
                if given.member not in earlier or given.output not in earlier[given.member].outputs:
                    raise ValueError(
                        f"{member.name}: no member before it is {given.member} with an output {given.output}"
                    )
            if (
                member.input_from
                and len({_patches_of(earlier[given.member], earlier) for given in member.input_from}) > 1
            ):
                raise ValueError(f"{member.name}: what input_from names does not hear the same patches")
            earlier[member.name] = member
        sent = self.label_embedding
        if sent is not None and (sent.member not in earlier or sent.output not in earlier[sent.member].outputs):
            raise ValueError(f"label_embedding: no member is {sent.member} with an output {sent.output}")
        return self

    @property
    def digest(self) -> str:
        """Names all that can change a result: the sha256 of the manifest's canonical JSON, files' hashes included."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def as_json(self) -> dict[str, JsonValue]:
        """All fields, ready for JSON."""
        left_out = {"front_ends"} | ({"error"} if self.error is None else set())
        fields: dict[str, JsonValue] = self.model_dump(mode="json", exclude=left_out)
        if self.label_embedding is None:
            del fields["label_embedding"]  # ensembles from before it was known keep their digests
        return {**fields, "front_ends": [asdict(front_end) for front_end in self.front_ends]}

    def front_end(self, name: str) -> FrontEnd:
        """The front end of that name, which `Member.front_end` gives."""
        return next(front_end for front_end in self.front_ends if front_end.name == name)

    def longest_patch_frames(self, front_end: str) -> int:
        """The longest patch that is cut from a front end's segments: segments must be that long."""
        return max(m.patch_frames for m in self.members if m.front_end == front_end and m.patch_frames is not None)


def require_same_patches(ensemble: Ensemble, sources: Sequence[OutputOf]) -> None:
    """What a head reads must be of the same patches: raises InvalidSettingError."""
    members = {member.name: member for member in ensemble.members}
    by_patches: dict[object, str] = {}
    for source in sources:
        by_patches.setdefault(_patches_of(members[source.member], members), str(source))
    if len(by_patches) > 1:
        raise InvalidSettingError(
            f"{' and '.join(by_patches.values())} are of different patches: no head can read both"
        )


def _patches_of(member: Member, earlier: Mapping[str, Member]) -> tuple[str | None, int | None, int | None]:
    """What a member's patches are cut by: its own numbers, or those of what feeds it."""
    while member.input_from:
        member = earlier[member.input_from[0].member]
    return member.front_end, member.patch_frames, member.hop_frames


def load_ensemble(folder: Path) -> Ensemble:
    """Read a manifest and verify its files.

    Raises: InvalidSettingError when the manifest is missing or contradicts itself, or a file is not the one it names.
    """
    path = folder / MANIFEST_NAME
    try:
        ensemble = Ensemble.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InvalidSettingError(
            f"cannot read the ensemble's manifest {path}: {error.strerror}; "
            "`needledrop models build` makes the default one"
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise InvalidSettingError(f"{path}: {field + ': ' if field else ''}{first['msg']}") from error
    except InvalidSettingError as error:
        raise InvalidSettingError(f"{path}: {error}") from error
    verify_files(ensemble, folder)
    return ensemble


def with_label_embedding(ensemble: Ensemble, output: str) -> Ensemble:
    """The same ensemble, labels of which carry the mean of an output, written MEMBER/OUTPUT.

    Raises: InvalidSettingError when no member exposes it.
    """
    exposed = [f"{m.name}/{role}" for m in ensemble.members for role in m.outputs if role != PROBABILITIES]
    if output not in exposed:
        raise InvalidSettingError(
            f"NEEDLEDROP_MODELS_EMBEDDING: the ensemble {ensemble.version} does not expose {output}; "
            f"it exposes {', '.join(exposed) or 'no embedding'}"
        )
    member, role = output.split("/")
    return ensemble.model_copy(update={"label_embedding": OutputOf(member=member, output=role)})


def save_ensemble(ensemble: Ensemble, folder: Path) -> None:
    """Write the manifest; the caller has put the files beside it."""
    (folder / MANIFEST_NAME).write_text(json.dumps(ensemble.as_json(), indent=2) + "\n")


def verify_files(ensemble: Ensemble, folder: Path) -> None:
    """Compare each file with its hash.

    Raises: InvalidSettingError when one is missing or differs.
    """
    for file, sha256 in sorted({(member.file, member.sha256) for member in ensemble.members}):
        path = folder / file
        try:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise InvalidSettingError(
                f"cannot read {path}, which {folder / MANIFEST_NAME} names: {error.strerror}; "
                "put it there or build the ensemble again"
            ) from error
        if found != sha256:
            raise InvalidSettingError(
                f"{path} is not the file that {folder / MANIFEST_NAME} names: its sha256 is {found}, not {sha256}; "
                "build the ensemble again, or correct the manifest if you changed the file on purpose"
            )
