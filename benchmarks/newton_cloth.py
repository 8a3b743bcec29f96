"""The same cloth in `newton` (XPBD, on the CPU): a script that another Python runs, one that has newton.

``python -P benchmarks/newton_cloth.py CLOTH.npz WORN.npz``; see :mod:`benchmarks.rival`, which writes the one file and
reads the other. newton isn't part of this project: it wants a numpy that the embedded Triton can't speak.

Its springs are relaxed all at once (Jacobi), and their corrections added up: that stays stable only while a spring is
soft beside the masses that it joins. So each spring gets the fabric's stiffness, or the stiffest that holds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

import newton  # type: ignore[import-not-found]  # in this script's own environment only
import numpy as np
import numpy.typing as npt
import warp as wp  # type: ignore[import-not-found]  # newton's engine

Arrays = Mapping[str, npt.NDArray[np.float32]]

SUBSTEPS, STEP = 30, 1e-3
"""Steps of one frame, and their length [s]: those of our own solver."""
LOOKS = 6
"""How often in a frame contact with the body is sought."""
STABLE = 0.25
"""The most that a spring may be by mass and squared step; above, it swings and grows."""
FASTEST = 3.0
"""No vertex moves faster [m/s]: our own solver's."""


class Scene:
    """The garment before a body that moves."""

    def __init__(self, cloth: Arrays) -> None:
        """Build the model."""
        builder = newton.ModelBuilder(up_axis=newton.Axis.Y)
        masses = 1 / cloth["inverse_masses"]
        count = len(masses)
        radius = float(cloth["thickness"])
        builder.add_particles(
            cloth["positions"].tolist(), [(0, 0, 0)] * count, masses.tolist(), [radius] * count
        )
        for i, j in cloth["edges"].tolist():
            builder.add_spring(i, j, 1.0, 0.0, 0.0)
        begin, end, left, right = cloth["hinges"].T.tolist()
        bend = [float(cloth["bending"])] * len(begin)
        builder.add_edges(
            left, right, begin, end, rest=[0.0] * len(begin), edge_ke=bend, edge_kd=[0.0] * len(begin)
        )
        self.body = newton.Mesh(cloth["motion"][0], cloth["faces"].ravel(), compute_inertia=False)
        builder.add_shape_mesh(-1, mesh=self.body)
        self.model = builder.finalize(device="cpu")
        self.model.particle_max_velocity = FASTEST
        # cloth against itself: our own solver leaves it out too
        self.model.particle_grid, self.model.particle_max_radius = None, 0.0
        self.model.soft_contact_mu = float(cloth["friction"])
        self._set_springs(cloth, masses)
        self.solver = newton.solvers.SolverXPBD(self.model, iterations=1)
        self.pipeline = newton.CollisionPipeline(self.model, broad_phase="nxn", soft_contact_gap=0.02)
        self.contacts = self.pipeline.contacts()
        self.states = [self.model.state(), self.model.state()]

    def _set_springs(self, cloth: Arrays, masses: npt.NDArray[np.float32]) -> None:
        """Give each spring its length at rest, and its stiffness as far as that is stable."""
        ends = cloth["edges"].astype(int)
        stable = STABLE * masses[ends].min(axis=1) / STEP**2
        self.model.spring_rest_length.assign(cloth["rest"])
        self.model.spring_stiffness.assign(
            np.minimum(1 / cloth["edge_compliance"], stable).astype(np.float32)
        )

    def frame(self, begin: npt.NDArray[np.float32], end: npt.NDArray[np.float32], drag: float) -> None:
        """Let the body go from ``begin`` to ``end`` in one frame."""
        for look in range(LOOKS):
            share = np.float32((look + 1) / LOOKS)
            self.body.mesh.points.assign((1 - share) * begin + share * end)
            self.body.mesh.refit()
            self.pipeline.collide(self.states[0], self.contacts)
            for _ in range(SUBSTEPS // LOOKS):
                self.states[0].clear_forces()
                self.solver.step(self.states[0], self.states[1], None, self.contacts, STEP)
                self.states.reverse()
            speed = self.states[0].particle_qd
            speed.assign(speed.numpy() * np.float32(np.exp(-drag * STEP * SUBSTEPS / LOOKS)))


def main(given: str, out: str) -> None:
    """Simulate, once to compile and once for the clock."""
    wp.config.quiet = True
    with np.load(given) as file:
        cloth = {name: file[name] for name in file.files}
    Scene(cloth).frame(cloth["motion"][0], cloth["motion"][0], 1.0)
    scene = Scene(cloth)
    began = time.perf_counter()
    for number, drag in enumerate(cloth["drag"]):
        scene.frame(cloth["motion"][number], cloth["motion"][number + 1], float(drag))
    worn = scene.states[0].particle_q.numpy()
    seconds = time.perf_counter() - began
    np.savez(out, worn=worn, seconds=seconds, version=newton.__version__)


if __name__ == "__main__":
    main(*sys.argv[1:])
