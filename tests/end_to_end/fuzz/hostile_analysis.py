"""The analysis of files, with some that hang, kill or break it as soon as they are read."""

import os
import signal
import time
from typing import BinaryIO

from workers.extractor.analysis import Analysis, AnalysisTask, analyse

HANGS = b"this file hangs its decoder"
KILLS = b"this file kills its decoder"
BREAKS = b"this file breaks our own code"


def hostile_analysis(task: AnalysisTask, file: BinaryIO) -> Analysis:
    """Runs in decoding processes, which import it by name."""
    file.seek(0)
    match file.read(len(BREAKS)):
        case head if head == HANGS:
            time.sleep(600)
        case head if head == KILLS:
            os.kill(os.getpid(), signal.SIGSEGV)
        case head if head == BREAKS:
            raise ZeroDivisionError("a bug")
    return analyse(task, file)
