"""Runs an ensemble: ONNX Runtime sessions, one for each file, and who feeds whom."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as onnxruntime_errors

from schemas.errors import InvalidFeaturesError, InvalidSettingError
from shared.front_end.mel import compressed
from shared.front_end.patches import Segments, cut
from shared.front_end.spec import FrontEnd
from shared.models.manifest import PROBABILITIES, Ensemble, Member, OutputOf, load_ensemble

# Larger batches are no faster and hold more memory: the compiled graph in two threads 240 MB at 1, 260 at 2, 295 at 3.
BATCH_PATCHES = 2

# With its arena ONNX Runtime asks the system for the same few blocks once, without it for new ones at every operation
# (1,400 page faults a track, 5 % of the time). At the default strategy the arena would double with each request.
_ARENA = {"arena_extend_strategy": "kSameAsRequested"}

Outputs = dict[str, NDArray[np.float32]]  # by role: "probabilities", "embedding", each [n, width]

_LOAD_ERRORS = (
    onnxruntime_errors.Fail,
    onnxruntime_errors.InvalidArgument,
    onnxruntime_errors.InvalidGraph,
    onnxruntime_errors.InvalidProtobuf,
    onnxruntime_errors.NoSuchFile,
    onnxruntime_errors.NotImplemented,
    onnxruntime_errors.RuntimeException,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAnswer:
    """What one member says about a track, patch by patch."""

    start_s: tuple[float, ...]  # where each patch begins in the track
    outputs: Outputs = field(repr=False)

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Shape (n_patches, n_tags)."""
        return self.outputs[PROBABILITIES]


@dataclass(frozen=True, slots=True)
class _Hearing:
    """What a graph is run on; members that share one share the run."""

    file: str
    input: str
    front_end: str
    patch_frames: int
    hop_frames: int | None


class RunningEnsemble:
    """An ensemble with its networks loaded. Any number of threads may call it; each call keeps to one core.

    Raises: InvalidSettingError when a file is not a network, or not the one that its entry describes.
    """

    def __init__(self, ensemble: Ensemble, folder: Path) -> None:
        self.ensemble = ensemble
        self.on_run: Callable[[str, float], object] = lambda _graph, _seconds: None
        """Told the name and the time of each graph that was run on a track."""
        files = sorted({m.file for m in ensemble.members})
        self._sessions = {file: _session(folder / file, shares_memory=len(files) > 1) for file in files}
        self._hearings: defaultdict[_Hearing, list[Member]] = defaultdict(list)
        for member in ensemble.members:
            _check_described(
                member, self._sessions[member.file], folder / member.file, ensemble, self._width_from(member)
            )
            if member.front_end is not None and member.patch_frames is not None:
                hearing = _Hearing(member.file, member.input, member.front_end, member.patch_frames, member.hop_frames)
                self._hearings[hearing].append(member)

    def _width_from(self, head: Member) -> int | None:
        """How wide what a head reads is; None when a graph leaves it open."""
        widths: list[int | None] = []
        for source in head.input_from or ():
            fed = next(member for member in self.ensemble.members if member.name == source.member)
            shapes = {found.name: found.shape for found in self._sessions[fed.file].get_outputs()}
            widths.append(_width(shapes[fed.outputs[source.output]]))
        known = [width for width in widths if width is not None]
        return sum(known) if len(known) == len(widths) else None

    @property
    def graphs(self) -> tuple[str, ...]:
        """The names of its graphs, as its manifest has them."""
        return tuple(self._sessions)

    def probabilities(self, segments: Mapping[str, Segments]) -> dict[str, NDArray[np.float32]]:
        """Each member's tag probabilities, shape (n_patches, n_tags), in the order of its tags; see `answers`."""
        return {name: answer.probabilities for name, answer in self.answers(segments).items()}

    def answers(
        self, segments: Mapping[str, Segments], also: Collection[tuple[str, str]] = ()
    ) -> dict[str, MemberAnswer]:
        """Let all members hear a track.

        Args:
            segments: the track's, by name of their front end.
            also: member and role of what is wanted besides the probabilities, say ("MSD_musicnn", "embedding").
        Returns: by name of the member, in the manifest's order.
        Raises: InvalidFeaturesError when the segments of a front end are missing or were made by another one;
            InvalidSettingError when no member has what is wanted.
        """
        roles = self._wanted_roles(also)
        answers: dict[str, MemberAnswer] = {}
        for hearing, members in self._hearings.items():
            front_end = self.ensemble.front_end(hearing.front_end)
            patches, start_s = cut(_of(front_end, segments), hearing.patch_frames, hearing.hop_frames)
            batches = (
                compressed(patches[i : i + BATCH_PATCHES], front_end) for i in range(0, len(patches), BATCH_PATCHES)
            )
            found = self._run(
                hearing.file, hearing.input, batches, {name for m in members for name in roles[m.name].values()}
            )
            answers |= {m.name: _answer(start_s, roles[m.name], found) for m in members}
        for m in self.ensemble.members:  # a head stands behind what feeds it
            if m.input_from:
                found = self._run(m.file, m.input, [joined(answers, m.input_from)], roles[m.name].values())
                answers[m.name] = _answer(answers[m.input_from[0].member].start_s, roles[m.name], found)
        return {m.name: answers[m.name] for m in self.ensemble.members}

    def _wanted_roles(self, also: Collection[tuple[str, str]]) -> dict[str, dict[str, str]]:
        """By member, the graph's output names of the roles that are asked for, or that a head needs."""
        fed = {(given.member, given.output) for m in self.ensemble.members for given in m.input_from or ()}
        exposed = {(m.name, role) for m in self.ensemble.members for role in m.outputs}
        if unknown := sorted(set(also) - exposed):
            raise InvalidSettingError(f"no member of the ensemble has the output {'/'.join(unknown[0])}")
        wanted = {*fed, *also, *((m.name, PROBABILITIES) for m in self.ensemble.members)}
        return {
            m.name: {role: output for role, output in m.outputs.items() if (m.name, role) in wanted}
            for m in self.ensemble.members
        }

    def _run(
        self, file: str, input_name: str, batches: Iterable[NDArray[np.float32]], outputs: Collection[str]
    ) -> Outputs:
        names = sorted(outputs)
        results = []
        seconds = 0.0
        for batch in batches:
            began = time.perf_counter()
            results.append(self._sessions[file].run(names, {input_name: batch}))
            seconds += time.perf_counter() - began
        self.on_run(file, seconds)
        return {name: np.concatenate(parts) for name, parts in zip(names, zip(*results, strict=True), strict=True)}


def _answer(start_s: Sequence[float], roles: Mapping[str, str], found: Outputs) -> MemberAnswer:
    return MemberAnswer(start_s=tuple(start_s), outputs={role: found[output] for role, output in roles.items()})


def joined(answers: Mapping[str, MemberAnswer], sources: Sequence[OutputOf]) -> NDArray[np.float32]:
    """What a head reads: outputs of members that hear the same patches, flattened side by side, (n_patches, width)."""
    outputs = [answers[source.member].outputs[source.output] for source in sources]
    return np.concatenate([output.reshape(len(output), -1) for output in outputs], axis=1)


def patch_mean(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """A track's probabilities from those of its patches, shape (n_tags,)."""
    mean: NDArray[np.float32] = probabilities.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


def load_running_ensemble(folder: Path) -> RunningEnsemble:
    """The ensemble of a folder, verified and loaded.

    Raises: InvalidSettingError as `load_ensemble` does.
    """
    return RunningEnsemble(load_ensemble(folder), folder)


@lru_cache(maxsize=1)
def _shared_arena() -> None:
    """Make one arena for all sessions of this process that ask for it; ONNX Runtime takes one, once."""
    where = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    default = {"max_mem": 0, "initial_chunk_size_bytes": -1, "max_dead_bytes_per_chunk": -1}
    same_as_requested = {"arena_extend_strategy": 1}
    onnxruntime.create_and_register_allocator(where, onnxruntime.OrtArenaCfg(default | same_as_requested))


def _session(path: Path, *, shares_memory: bool) -> onnxruntime.InferenceSession:
    """``shares_memory``: with the process' other sessions, as networks are run by turns.

    The four plain graphs in two threads then hold 389 MB instead of 715. One graph alone holds less without: 144, not
    185.
    """
    options = onnxruntime.SessionOptions()
    # Cores are for tracks, not for operations: one thread each, one track a thread.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; warnings about unused constants help nobody here
    if shares_memory:
        _shared_arena()
        options.add_session_config_entry("session.use_env_allocators", "1")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=[("CPUExecutionProvider", _ARENA)])
    except _LOAD_ERRORS as error:
        raise InvalidSettingError(f"{path} is not a network that ONNX Runtime can run: {error}") from error


def _width(shape: Sequence[int | str | None]) -> int | None:
    """Of one patch's output, flattened; None when the graph leaves it open."""
    sizes = [size for size in shape[1:] if isinstance(size, int)]
    return math.prod(sizes) if len(sizes) == len(shape) - 1 else None


def _check_described(
    member: Member, session: onnxruntime.InferenceSession, path: Path, ensemble: Ensemble, fed_width: int | None
) -> None:
    """Compare a member's entry with the graph's own names and shapes; a symbolic dimension is a string there."""
    inputs = {found.name: found.shape for found in session.get_inputs()}
    outputs = {found.name: found.shape for found in session.get_outputs()}
    if set(inputs) != {member.input}:
        raise InvalidSettingError(
            f"{path}: {member.name} needs one input {member.input!r}, the graph has {sorted(inputs)}"
        )
    if missing := sorted(set(member.outputs.values()) - set(outputs)):
        raise InvalidSettingError(
            f"{path}: {member.name} needs the output {missing[0]!r}, the graph has {sorted(outputs)}"
        )
    expected: list[tuple[str, list[int | None]]] = [(member.outputs[PROBABILITIES], [None, len(member.tags)])]
    if member.input_from is not None:
        expected.append((member.input, [None, fed_width]))
    if member.front_end is not None:
        expected.append((member.input, [None, member.patch_frames, ensemble.front_end(member.front_end).n_bands]))
    for name, shape in expected:
        found = (inputs | outputs)[name]
        fits = len(found) == len(shape) and all(
            want is None or want == have or not isinstance(have, int) for want, have in zip(shape, found, strict=True)
        )
        if not fits or isinstance(found[0], int):
            wanted = ["n", *shape[1:]]
            raise InvalidSettingError(
                f"{path}: {member.name}'s entry means {name} to be {wanted}, the graph has {found}"
            )


def _of(front_end: FrontEnd, segments: Mapping[str, Segments]) -> Segments:
    found = segments.get(front_end.name)
    if found is None or found.front_end != front_end:
        raise InvalidFeaturesError(
            f"there are no segments of the front end {front_end.name} as the manifest defines it"
        )
    return found
