import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import psutil
import pytest
import soundfile

from schemas.errors import UndecodableAudioError
from shared.front_end.patches import PATCH_FRAMES
from shared.front_end.spec import MUSICNN_96
from shared.settings.media import MediaSettings
from workers.extractor.analysis import Analysis, AnalysisTask, analyse, warm_up
from workers.extractor.decoder_processes import DecoderProcesses
from workers.extractor.decoding import DecodingLimits

SETTINGS = MediaSettings()
TASK = AnalysisTask(limits=DecodingLimits.from_settings(SETTINGS), patch_frames={MUSICNN_96: PATCH_FRAMES})
MIB = 2**20

Processes = DecoderProcesses[AnalysisTask, Analysis]


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    with DecoderProcesses(
        analyse,
        n_processes=1,
        timeout_s=SETTINGS.decode_timeout_s,
        memory_bytes=SETTINGS.decode_memory_bytes,
        warm_up=partial(warm_up, TASK),
    ) as started:
        assert started.ready(60.0)
        yield started


def a_wave_file(samples: Any, rate_hz: int) -> BinaryIO:
    file: Any = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the tests
    soundfile.write(file, samples, rate_hz, format="WAV", subtype="PCM_16")
    file.flush()
    return file  # type: ignore[no-any-return]  # what TemporaryFile returns depends on the system


def test_analysis_in_a_process_is_the_analysis_here(processes: Processes) -> None:
    with a_wave_file(np.random.default_rng(0).standard_normal((44_100 * 5, 2)) * 0.1, 44_100) as file:
        there, here = processes.run(TASK, file), analyse(TASK, file)

    assert there.loudness_lufs == here.loudness_lufs
    np.testing.assert_array_equal(there.segments["musicnn_96"].power, here.segments["musicnn_96"].power)


def test_an_undecodable_file_is_refused_from_a_process(processes: Processes) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"no music at all" * 100)
        file.flush()
        with pytest.raises(UndecodableAudioError):
            processes.run(TASK, file)


def test_the_zygote_has_one_thread_when_it_is_warm_since_others_would_not_survive_a_fork(processes: Processes) -> None:
    [pid] = processes.pids()
    zygote = psutil.Process(pid).parent()

    assert zygote is not None
    assert zygote.ppid() == psutil.Process().pid
    assert zygote.num_threads() == 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_quarter_of_an_hour_is_analysed_in_less_than_200_mb(processes: Processes) -> None:
    with a_wave_file(np.zeros((44_100, 2)), 44_100) as file:
        header = bytearray(_head(file))
        for at, n_bytes in ((4, 900 * 44_100 * 4 + 36), (40, 900 * 44_100 * 4)):
            header[at : at + 4] = n_bytes.to_bytes(4, "little")
        file.seek(0)
        file.write(header)
        file.truncate(44 + 900 * 44_100 * 4)  # zeros that take no disk
        file.flush()
        found = processes.run(TASK, file)

    [pid] = processes.pids()
    status = Path(f"/proc/{pid}/status").read_text()
    [peak_kib] = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
    assert (found.duration_s, found.cut) == (900.0, False)
    assert peak_kib * 1024 < 200 * MIB


def _head(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(44)
