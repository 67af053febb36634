"""One thread, and no gradient unless a test asks for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="package")
def quietly() -> Iterator[None]:
    torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.no_grad():
        yield
    torch.set_num_threads(before)
