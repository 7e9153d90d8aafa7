from pathlib import Path

import pytest

from schemas.errors import InvalidSettingError
from workers.cli.journals import Journal

PURPOSE = {"wanted": "all"}


def test_journal_remembers_across_runs_until_it_is_finished(tmp_path: Path) -> None:
    first = Journal.opened(tmp_path, "relabel", PURPOSE)
    assert not first.begun
    first.note({"next_0": 5, "end_0": 9})
    first.note({"next_0": 7})

    again = Journal.opened(tmp_path, "relabel", PURPOSE)
    assert again.begun
    assert (again.get("next_0", 0), again.get("end_0", 0), again.get("next_1", 3)) == (7, 9, 3)

    again.finish()
    assert not Journal.opened(tmp_path, "relabel", PURPOSE).begun


def test_journal_of_another_purpose_is_another(tmp_path: Path) -> None:
    Journal.opened(tmp_path, "relabel", PURPOSE).note({"next_0": 5})

    assert not Journal.opened(tmp_path, "relabel", {"wanted": "jazz"}).begun


def test_journal_that_was_damaged_is_refused_with_its_path(tmp_path: Path) -> None:
    journal = Journal.opened(tmp_path, "relabel", PURPOSE)
    journal.note({"next_0": 5})
    [path] = tmp_path.iterdir()
    path.write_text("{", encoding="utf-8")

    with pytest.raises(InvalidSettingError, match=rf"{path.name} is no journal of ours"):
        Journal.opened(tmp_path, "relabel", PURPOSE)


def test_half_written_journal_leaves_the_last_one(tmp_path: Path) -> None:
    journal = Journal.opened(tmp_path, "relabel", PURPOSE)
    journal.note({"next_0": 5})
    [path] = tmp_path.iterdir()
    path.with_suffix(".new").write_text('{"next_', encoding="utf-8")  # as a crash leaves it

    assert Journal.opened(tmp_path, "relabel", PURPOSE).get("next_0", 0) == 5
