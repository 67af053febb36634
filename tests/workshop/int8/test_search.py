"""Which of the methods that pass is kept."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.int8.bench import Attempt, Candidate
from quantize.int8.gate import Cost
from quantize.int8.score import Distance
from quantize.int8.search import best


def tried(method: str, db: float, ms: float, size_bytes: int) -> Candidate:
    heads = {"things": Distance(db, 1.0, 0.0)}
    cost = Cost(size_bytes, ms)
    return Candidate(Attempt("onnxruntime", method, (), False, heads, cost, (), 1.0), [b""])


def test_of_files_of_one_size_the_least_noise_is_kept_whatever_the_clock_said() -> None:
    lucky, quiet = tried("widest", 25.8, 3.8, 4_020_000), tried("squared", 26.7, 7.9, 4_021_000)
    assert best([lucky, quiet]).tried.method == "squared"


def test_a_smaller_file_that_is_faster_is_kept_though_it_is_a_little_noisier() -> None:
    small, quiet = tried("mixed", 25.8, 3.0, 3_000_000), tried("squared", 26.7, 4.0, 4_021_000)
    assert best([small, quiet]).tried.method == "mixed"


def test_much_less_noise_is_worth_any_time() -> None:
    small, quiet = tried("mixed", 9.8, 3.0, 3_000_000), tried("squared", 26.7, 9.0, 4_021_000)
    assert best([small, quiet]).tried.method == "squared"
