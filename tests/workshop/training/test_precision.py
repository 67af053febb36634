"""bfloat16 is used where a machine has it, not where it would be emulated."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

torch = pytest.importorskip("torch", reason="no torch: pip install 'edge-tag[quantize]'")

from quantize.training import precision  # noqa: E402


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    precision._multiplies.cache_clear()
    yield
    precision._multiplies.cache_clear()


@pytest.mark.parametrize(
    ("capability", "kind"),
    [
        ("AVX512", torch.bfloat16),
        ("SVE256", torch.bfloat16),
        ("AVX2", torch.float32),
        ("DEFAULT", torch.float32),
        ("NO AVX", torch.float32),
    ],
)
def test_matrices_are_halved_where_the_processor_multiplies_halves(
    monkeypatch: pytest.MonkeyPatch, capability: str, kind: torch.dtype
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    matrix = torch.ones(4, 4)
    with precision.quick("cpu"):
        assert (matrix @ matrix).dtype == kind
