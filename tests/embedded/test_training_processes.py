"""Training as processes: two together, as `torchrun` starts them, beside one alone; and one that is killed."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `training` (make setup-training)")

from tests.unit.training.conftest import one_thread  # noqa: E402, F401 - a fixture
from tests.unit.training.learnable import SEEDS, plain_trainer, short_chunk_trainer, trainer  # noqa: E402
from training.checkpoints import CHECKPOINT_NAME, Progress, load_progress  # noqa: E402
from training.trainer import Trainer  # noqa: E402

pytestmark = pytest.mark.timeout(400)
PROGRAMS = Path(sys.executable).parent
TWO = [str(PROGRAMS / "torchrun"), "--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", "2"]


def _environment() -> dict[str, str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    environment["PATH"] = f"{PROGRAMS}{os.pathsep}{environment['PATH']}"
    return environment if sys.platform != "linux" else {**environment, "GLOO_SOCKET_IFNAME": "lo"}


def _run(*command: str) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=_environment())
    assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the runs of `learnable`, each trained by two processes."""
    folder = tmp_path_factory.mktemp("together")
    _run(*TWO, "-m", "tests.unit.training.learnable", str(folder))
    return folder


def _ended(run: Trainer, folder: Path) -> Progress:
    return load_progress(run._plan.spec, folder)


@pytest.mark.parametrize(("name", "made"), [("plain", plain_trainer), ("short-chunk", short_chunk_trainer)])
def test_halves_of_batches_make_the_weights_that_whole_batches_make(
    together: Path, tmp_path: Path, name: str, made: Callable[[Path], Trainer]
) -> None:
    """But for rounding; in networks where no track bears on what another one becomes."""
    run = made(tmp_path)
    before = {key: tensor.clone() for key, tensor in run._network.state_dict().items()}
    run.train()

    one, two = _ended(run, tmp_path), _ended(run, together / name)

    assert one.network is not None
    assert two.network is not None
    for key, tensor in one.network.items():
        torch.testing.assert_close(two.network[key], tensor, rtol=1e-3, atol=1e-4)
    assert not all(torch.allclose(one.network[key], tensor, atol=1e-3) for key, tensor in before.items())
    assert two.best_score == pytest.approx(one.best_score, abs=1e-3)


def test_two_processes_reach_the_metrics_of_one_where_norms_see_half_a_batch(together: Path, tmp_path: Path) -> None:
    """Other pieces, dropout and mixup than alone, too: compared are means over seeds, beside their standard errors."""

    def scores(folder: Path) -> list[float]:
        return [_ended(trainer(tmp_path / "spec", seed=n), folder / f"random-{n}").best_score for n in SEEDS]

    for n in SEEDS:
        trainer(tmp_path / f"random-{n}", seed=n).train()
    one, two = scores(tmp_path), scores(together)

    error = (statistics.variance(one) / len(one) + statistics.variance(two) / len(two)) ** 0.5
    assert one != two
    assert abs(statistics.mean(one) - statistics.mean(two)) < 3 * error + 0.005
    assert statistics.mean(one) > 0.6  # chance is 0.3


def test_process_that_is_killed_leaves_what_ends_with_the_weights_of_a_run_never_killed(tmp_path: Path) -> None:
    whole = trainer(tmp_path / "whole")
    whole.train()
    checkpoint = tmp_path / "killed" / CHECKPOINT_NAME
    command = [sys.executable, "-m", "tests.unit.training.learnable", str(checkpoint.parent), "slow"]

    with subprocess.Popen(command, env=_environment()) as doomed:
        deadline = time.monotonic() + 200
        while not checkpoint.exists():
            assert doomed.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.1)  # a few steps into the epoch after it
        doomed.kill()
    run = trainer(checkpoint.parent)
    left_at = _ended(run, checkpoint.parent).epoch
    run.train()

    one, other = _ended(whole, tmp_path / "whole"), _ended(run, checkpoint.parent)
    assert 1 <= left_at < one.epoch == other.epoch
    assert one.network is not None
    assert other.network is not None
    assert all(torch.equal(other.network[name], tensor) for name, tensor in one.network.items())
    assert one.history[left_at:] == other.history[left_at:]
