"""A device that is not here, as a tagger needs it: its engines, its clock, its label."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path

from edge.boards.clock import DeviceClock
from edge.boards.predict import (
    Costs,
    batch_ms,
    find_network,
    read_costs,
    within,
)
from edge.boards.profiles import Profile
from edge.boards.work import Network
from edge.bundle.manifest import StoredFile
from edge.engines import Engine
from edge.errors import BundleError
from edge.records import F32, U8

PRECISION = "int8"  # what is predicted of an accelerator, and the best of a CPU


class VirtualEngine:
    """A real engine's answers, in the time that the device is predicted to take. Owns that engine.

    What is around a launch (reading, cutting, fusing) takes this machine's time.
    """

    name = "virtual"

    def __init__(
        self, device: str, answering: Engine, launch_ms: Callable[[int], float], clock: DeviceClock
    ) -> None:
        """launch_ms: of a batch, on the device."""
        self.provider = f"{device}, predicted (answers: {answering.name}/{answering.provider})"
        self.input, self.outputs = answering.input, answering.outputs
        self._answering, self._launch_ms, self._clock = answering, launch_ms, clock

    def run(self, batch: U8) -> dict[str, F32]:
        begin = self._clock()
        answer = self._answering.run(batch)
        self._clock.stand_at(begin + self._launch_ms(len(batch)) / 1e3)
        return answer

    def close(self) -> None:
        self._answering.close()


class Virtual:
    """One device, for all artifacts of a tagger."""

    def __init__(self, profile: Profile, clock: DeviceClock | None = None) -> None:
        """clock: one of its own when not given."""
        self.profile = profile
        self.label = f"{profile.name} (virtual, predicted)"
        self.clock = clock or DeviceClock()

    @cached_property
    def costs(self) -> Costs:
        return read_costs()

    @property
    def within(self) -> float:
        """The factor by which its times may be wrong."""
        return within(self.profile, self.costs, PRECISION)

    def engine(self, answering: Engine, files: tuple[StoredFile, ...], bundle: Path) -> Engine:
        """`answering`, in the time of the device. Raises BundleError for an unknown network."""
        network = self.network(files, bundle)
        launch_ms = partial(batch_ms, network, self.profile, self.costs, PRECISION)
        return VirtualEngine(self.profile.name, answering, launch_ms, self.clock)

    def network(self, files: tuple[StoredFile, ...], bundle: Path) -> Network:
        """Whose artifact these files are. Raises BundleError when nobody counted it."""
        beside = Path(f"{bundle}.networks.json")
        found = find_network(files[0].sha256, beside)
        if found is None:
            raise BundleError(
                f"{bundle}/{files[0].file}: its layers are not counted, so nothing is predicted",
                fix=f"edge-quantize cost --bundle {bundle}",
            )
        return found

    def told(self) -> str:
        """How much of the device's time was this machine's."""
        late_s = self.clock.put_back_s
        if not late_s:
            return f"{self.label}: no launch took this machine longer than the device"
        return (
            f"{self.label}: launches took this machine {late_s:.2f} s longer than the device: "
            "its clock was put back by that"
        )
