"""F3, F4, F6, F7, F8: a checkpoint with its vocabulary, and text vectors for a device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from edge.heads.text_vectors import read_text_vectors, write_text_vectors  # noqa: E402
from quantize.errors import WorkshopError  # noqa: E402
from quantize.fashion import prompts  # noqa: E402
from quantize.fashion.opened import Fashion, open_fashion  # noqa: E402
from tests.workshop.fashion import reference as ref  # noqa: E402
from tests.workshop.fashion.synthetic import Plan, random_state, write  # noqa: E402
from tests.workshop.fashion.words import write_vocabulary  # noqa: E402


def opened(kind: str, folder: Path, **sizes: int) -> Fashion:
    plan = Plan(kind, **sizes)
    file = write(random_state(plan), folder / f"{kind}.pth")
    return open_fashion(file, write_vocabulary(folder, plan.vocabulary), heads=plan.heads)


def picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (50, 40, 3), np.uint8)


def test_text_vectors_are_those_of_the_reference_with_the_end(tmp_path: Path) -> None:
    """F3, F4: evaluation of retrieval has a [SEP], training has not."""
    fashion = opened("retrieval", tmp_path)
    plan, s = Plan("retrieval"), ref.double(random_state(Plan("retrieval")))
    text = "the image description is red shirts"
    for ends in (True, False):
        ids = torch.tensor(fashion.pieces.encode(text, 24, ends=ends))
        state = ref.text_state(s, ids, plan.heads, plan.fused_from)
        got = fashion.text_vectors(["Red shirts."], ends=ends)[0]
        assert np.abs(got - ref.text_vector(s, state[0]).numpy()).max() < 1e-4


def test_stored_texts_find_their_way_to_a_device(tmp_path: Path) -> None:
    """F3: versioned by vocabulary and checkpoint; the same texts give the same bytes."""
    fashion = opened("retrieval", tmp_path)
    captions = ["Red shirt.", "Blue dress.", "Black jacket"]
    vectors = fashion.stored(captions, ["r", "b", "k"])
    write_text_vectors(vectors, tmp_path / "a.texts")
    write_text_vectors(fashion.stored(captions, ["r", "b", "k"]), tmp_path / "b.texts")
    assert (tmp_path / "a.texts").read_bytes() == (tmp_path / "b.texts").read_bytes()
    read = read_text_vectors(tmp_path / "a.texts")
    assert read.header.vocabulary_sha256 == fashion.pieces.sha256
    assert np.array_equal(read.rows, vectors.rows)
    assert read.nearest(vectors.rows[1])[0] == ("Blue dress.", pytest.approx(1, abs=1e-5))


def test_pictures_of_any_size_become_vectors_alone_or_together(tmp_path: Path) -> None:
    """F2"""
    fashion = opened("retrieval", tmp_path)
    together = fashion.image_vectors([picture(0), picture(1)])
    assert together.shape == (2, 12)
    assert np.abs(fashion.image_vectors([picture(1)])[0] - together[1]).max() < 1e-5


def test_queries_and_categories(tmp_path: Path) -> None:
    """F6, F7"""
    said = ["is more red", "with sleeves"]
    queries = opened("tgir", tmp_path).query_vectors([picture()], [said])
    assert np.abs(np.linalg.norm(queries, axis=1) - 1).max() < 1e-5
    logits = opened("category", tmp_path).categories([picture()], ["Red shirt."])
    assert logits.shape == (1, 5)


def test_a_masked_question_is_answered_by_a_word(tmp_path: Path) -> None:
    """F8: zero-shot; of the answers given, or of the vocabulary."""
    fashion = opened("pretrain", tmp_path)
    words = fashion.ask(picture(), prompts.question("gender"), ["women", "men"])
    assert {word.token for word in words} == {"women", "men"}
    assert words[0].score >= words[1].score
    assert len(fashion.ask(picture(), prompts.yes_no_prompt("cotton"))) == 10
    with pytest.raises(WorkshopError, match="'shirts' is 2 tokens"):
        fashion.ask(picture(), prompts.question("gender"), ["shirts"])
    with pytest.raises(WorkshopError, match="MASK"):
        fashion.ask(picture(), "the image gender is")


def test_a_network_without_words_answers_no_questions(tmp_path: Path) -> None:
    """F8"""
    with pytest.raises(WorkshopError, match="answers no questions"):
        opened("retrieval", tmp_path).ask(picture(), prompts.question("gender"))


def test_a_vocabulary_of_another_checkpoint_is_refused(tmp_path: Path) -> None:
    """F4"""
    file = write(random_state(Plan("tgir")), tmp_path / "a.pth")
    with pytest.raises(WorkshopError, match="61 tokens, expected 60"):
        open_fashion(file, write_vocabulary(tmp_path, 61), heads=4)
