import json
from pathlib import Path

import pytest

from schemas.errors import InvalidSettingError

torch = pytest.importorskip("torch", reason="training needs the extra `training` (make setup-training)")

from tests.unit.training.learnable import N_TAGS, SCHEDULE, features, trainer  # noqa: E402
from training import trainer as trainer_module  # noqa: E402
from training.checkpoints import CHECKPOINT_NAME, Progress, load_progress  # noqa: E402
from training.schedules import short, usc_sail  # noqa: E402
from training.trainer import Step  # noqa: E402


def _same(one: Progress, other: Progress) -> bool:
    if one.network is None or other.network is None or one.best is None or other.best is None:
        return False
    pairs = [(one.network[k], other.network[k]) for k in one.network] + [(one.best[k], other.best[k]) for k in one.best]
    return one.network.keys() == other.network.keys() and all(torch.equal(a, b) for a, b in pairs)


def _ended(folder: Path, spec: str) -> Progress:
    return load_progress(spec, folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Progress:
    """A run that nobody killed."""
    folder = tmp_path_factory.mktemp("whole")
    run = trainer(folder)
    run.train()
    return _ended(folder, run._plan.spec)


def test_network_learns(tmp_path: Path) -> None:
    progress = trainer(tmp_path).train()

    assert len(progress.history) == SCHEDULE.n_epochs
    assert progress.history[0]["roc_auc_macro"] < 0.75
    assert max(line["roc_auc_macro"] for line in progress.history) > 0.8
    assert progress.best_score == max(line["pr_auc_macro"] for line in progress.history)
    lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert lines == progress.history


@pytest.mark.parametrize("at", [(0, 0), (2, 5), (3, 12), (4, 0), (5, 7)])
def test_killed_run_goes_on_to_the_weights_of_one_never_killed(
    tmp_path: Path, whole: Progress, monkeypatch: pytest.MonkeyPatch, at: tuple[int, int]
) -> None:
    def kill(step: Step) -> None:
        if (step.epoch, step.step) == at:
            raise KeyboardInterrupt

    doomed = trainer(tmp_path, told=kill)
    with monkeypatch.context() as patch:
        patch.setattr(trainer_module, "CHECKPOINT_EVERY_S", 0.0)  # after every step
        with pytest.raises(KeyboardInterrupt):
            doomed.train()
    run = trainer(tmp_path)
    run.train()

    assert _same(whole, _ended(tmp_path, run._plan.spec))


def test_other_seed_is_another_result_and_not_taken_for_the_same_run(tmp_path: Path, whole: Progress) -> None:
    other = trainer(tmp_path, seed=2)
    other.train()

    assert not _same(whole, _ended(tmp_path, other._plan.spec))
    with pytest.raises(InvalidSettingError, match="of another run"):
        trainer(tmp_path, seed=3)


def test_finished_run_that_is_begun_again_does_nothing(tmp_path: Path) -> None:
    trainer(tmp_path).train()
    steps: list[Step] = []

    progress = trainer(tmp_path, told=steps.append).train()

    assert steps == []
    assert progress.epoch == SCHEDULE.n_epochs


def test_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    trainer(tmp_path).train()
    path = tmp_path / CHECKPOINT_NAME
    path.write_bytes(path.read_bytes()[:1000])

    with pytest.raises(InvalidSettingError, match="remove it to begin again"):
        trainer(tmp_path)


def test_schedule_of_usc_sail_has_200_epochs_in_five_phases() -> None:
    schedule = usc_sail()

    assert schedule.n_epochs == 200
    assert schedule.at(79) == (0, 79)
    assert schedule.at(80) == (1, 0)
    assert schedule.at(199) == (4, 29)
    assert [phase.learning_rate for phase in schedule.phases] == [1e-4, 1e-2, 1e-3, 1e-4, 1e-5]
    assert [phase.from_best for phase in schedule.phases] == [False, True, True, True, True]
    with pytest.raises(ValueError, match="beyond"):
        schedule.at(200)


def test_one_cycle_goes_up_and_comes_down_to_nothing() -> None:
    [phase] = short(10, 0.01, 0.0).phases

    rates = [phase.rate_at(i / 100) for i in range(101)]

    assert rates[0] == 0
    assert max(rates) == pytest.approx(0.01)
    assert rates.index(max(rates)) == 10
    assert rates[-1] == pytest.approx(0, abs=1e-9)
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_problem_is_one_that_needs_learning() -> None:
    targets = features(200, 1).targets
    assert targets.shape == (200, N_TAGS)
    assert 0.1 < targets.mean() < 0.5
