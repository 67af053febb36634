"""Students of one lineage become one; others are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from quantize import recipe  # noqa: E402
from quantize.cli import main  # noqa: E402
from quantize.students import Student, load, save  # noqa: E402
from quantize.students.starting import FILE  # noqa: E402


def stored(folder: Path, weight: float, heads: dict[str, int]) -> Path:
    """A student whose every weight and statistic is `weight`."""
    student = Student(heads, "mobilenet_v2")
    with torch.no_grad():
        for value in student.state_dict().values():
            value.fill_(weight)
    recipe.begin(folder, "finetune", {}, {})
    save(student, {"final_side": 64}, folder / FILE)
    (folder / "tags.json").write_text(json.dumps({"grocery": {"tags": ["a"], "groups": [None]}}))
    recipe.finish(folder, {"done": True})
    return folder


def test_weights_and_statistics_are_the_mean(tmp_path: Path) -> None:
    folders = [stored(tmp_path / str(w), w, {"grocery": 2}) for w in (1.0, 2.0, 6.0)]
    assert main(["average", "--students", *map(str, folders), "--out", str(tmp_path / "all")]) == 0
    student, settings = load(tmp_path / "all" / FILE)
    floats = [v for v in student.state_dict().values() if v.is_floating_point()]
    assert all(torch.equal(value, torch.full_like(value, 3.0)) for value in floats)
    assert settings == {"final_side": 64, "averaged": 3}
    assert (tmp_path / "all" / "tags.json").exists()


@pytest.mark.parametrize(
    ("heads", "said"), [({"grocery": 3}, "heads grocery 2"), (None, "two or more")]
)
def test_other_heads_and_a_single_student_are_refused(
    heads: dict[str, int] | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [stored(tmp_path / "one", 1.0, {"grocery": 2})]
    folders += [stored(tmp_path / "other", 1.0, heads)] if heads else []
    code = main(["average", "--students", *map(str, folders), "--out", str(tmp_path / "all")])
    assert code == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "all").exists()
