"""The finisher: from the geometry's picture to the photoreal one, whoever runs the networks.

What a job does to whole pictures happens in a thread, since the event loop is needed by the steps of all the others.
"""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Mapping, Sequence
from functools import partial

import cv2
import torch
from tokenizers import Tokenizer

from bridge.errors import BadInput
from bridge.finish.adapters import adapt
from bridge.finish.admission import Admission
from bridge.finish.canvas import Canvas, choose, fit, protect
from bridge.finish.controls import combine, embed, usable
from bridge.finish.course import Course
from bridge.finish.img2img import Brief, Engine, paint, refine, start
from bridge.finish.job import Bytes, Cancelled, Finished, Job, Progress, Watch
from bridge.finish.layout import Layout, bucket_name
from bridge.finish.networks import Networks
from bridge.finish.previews import preview
from bridge.finish.printing import finish_print, window
from bridge.finish.prompt import encode


def ignore(_: Progress) -> None:
    """Watch nothing."""


def never() -> bool:
    """Tell that somebody waits."""
    return False


class Finisher:
    """An exported checkpoint at work; as many jobs at a time as ``admission`` lets in.

    Args:
        layout: of the checkpoint.
        networks: its networks by name, see :func:`bridge.finish.contracts.contracts`.
        tokenizers: one per text encoder, see :func:`bridge.finish.prompt.tokenizers`.
        admission: who may begin.
        device: where the arithmetic between the networks happens; best where they are.
    """

    def __init__(
        self,
        layout: Layout,
        networks: Networks,
        tokenizers: Sequence[Tokenizer],
        *,
        admission: Admission,
        device: str = "cpu",
    ) -> None:
        self._engine = Engine(layout, networks, device)
        self._tokenizers = tokenizers
        self._admission = admission

    async def run(self, job: Job, watch: Watch = ignore, cancelled: Cancelled = never) -> Finished:
        """Finish one picture.

        Args:
            job: what to finish, and how.
            watch: told of every stage and step.
            cancelled: asked before every step.

        Raises:
            BadInput: pictures of different sizes, a long side that no bucket has, controls that nobody knows.
            JobCancelled: ``cancelled`` said so.
            DeadlineMissed: its deadline passed.
            NotFinite: a network computed something else than numbers.
            OutOfMemory: a network found no room.
        """
        check(job)
        layout = self._engine.layout
        if job.settings.deep_every > 1 and layout.shallow is None:
            raise BadInput(
                f"deep_every is {job.settings.deep_every}, and this checkpoint was exported without the network "
                "that it needs; please leave it at 1, or export again with --shallow."
            )
        size = (job.prior.shape[1], job.prior.shape[0])
        canvas = fit(size, choose(size, layout.buckets, job.settings.long_side))
        course = Course(
            watch, cancelled, job.deadline, partial(preview, family=layout.family), job.settings.preview_every
        )
        async with self._admission.place(job.deadline):
            return await self._run(job, canvas, course)

    async def _run(self, job: Job, canvas: Canvas, course: Course) -> Finished:
        generator = torch.Generator().manual_seed(job.seed)
        brief = await self._brief(job, canvas, course)
        latent = await self._latent(job, brief, canvas, generator, course)
        with course.stage("decode"):
            image = await to_thread(canvas.take, await self._engine.decode(latent))
        for box in job.settings.prints:
            if part := window(box, canvas.size):
                with course.stage("prints"):
                    image = await finish_print(self._engine, brief, image, part, generator, course)
        course.check()
        image = await to_thread(protect, image, job.prior, job.photo, job.edit_mask, job.settings.feather)
        return Finished(image, self._report(job, brief, course))

    async def _brief(self, job: Job, canvas: Canvas, course: Course) -> Brief:
        """Have everything encoded that stays the same over all steps."""
        engine, settings, bucket = self._engine, job.settings, canvas.bucket
        with course.stage("encode"):
            words = (self._tokenizers, job.negative_prompt, job.prompt, engine.device)
            prompt = await encode(engine.networks["text_encode"], *words)
            course.check()
            adapters = await adapt(engine.layout, engine.networks, job, engine.device)
            course.check()
            pictures = await to_thread(self._guides, job, canvas)
            given = await embed(
                engine.layout, engine.networks, bucket, pictures, settings.controls, engine.device
            )
        span = (settings.control_start, settings.control_end)
        controls = combine(engine.layout, given, bucket, engine.device, *span)
        return Brief(bucket, prompt, adapters, controls, settings)

    async def _latent(
        self, job: Job, brief: Brief, canvas: Canvas, generator: torch.Generator, course: Course
    ) -> torch.Tensor:
        """Return the finished latent: the picture's, through the denoiser, through the refiner."""
        with course.stage("latent"):
            picture, mask = await to_thread(lambda: (canvas.lay(job.prior), canvas.lay(job.edit_mask)))
            begun = await start(self._engine, brief, picture, mask, generator)
        with course.stage("denoise"):
            latent = await paint(self._engine, brief, begun, generator, course)
        if not self._refines(job):
            return latent
        with course.stage("refine"):
            changed = brief.other(denoise=job.settings.refiner_denoise, full_schedule=False)
            return await refine(self._engine, changed, latent, generator, course)

    def _guides(self, job: Job, canvas: Canvas) -> Mapping[str, Bytes]:
        """Return the controls on the canvas; enlarged without a filter's ringing, which would be read as edges."""
        return {name: canvas.lay(job.controls[name], cv2.INTER_LINEAR) for name in self._controls(job)}

    def _refines(self, job: Job) -> bool:
        return self._engine.layout.refiner is not None and job.settings.refiner_denoise > 0

    def _controls(self, job: Job) -> Mapping[str, int]:
        """Return the controls that are used; a net that reads a face's tokens needs the face."""
        layout = self._engine.layout
        faceless = {net.name for net in layout.nets if net.text and job.face is None}
        scales = {name: scale for name, scale in job.settings.controls.items() if name not in faceless}
        return usable(layout, job.controls, scales)

    def _report(self, job: Job, brief: Brief, course: Course) -> dict[str, object]:
        """Return what was done."""
        settings, layout = job.settings, self._engine.layout
        used = self._controls(job)
        refined = int(settings.steps * settings.refiner_denoise) if self._refines(job) else 0
        return {
            "source": layout.source,
            "sha256": layout.sha256,
            "licence": layout.licence,
            "precision": layout.precision,
            "bucket": bucket_name(brief.bucket),
            "seed": job.seed,
            "steps": brief.steps,
            "executed_steps": int(brief.steps * settings.denoise),
            "refiner_steps": refined,
            "print_steps": len(settings.prints) * int(settings.tile_steps * settings.tile_denoise),
            "controls": sorted(used),
            "controls_left_out": sorted(job.controls.keys() - used.keys()),
            "rows": dict(course.rows),
            "settings": settings.model_dump(mode="json"),
            "seconds": course.seconds,
        }


def check(job: Job) -> None:
    """Refuse pictures that don't belong together.

    Raises:
        BadInput: which, and why.
    """
    size = job.prior.shape[:2]
    sizes = {"photo": job.photo, "edit_mask": job.edit_mask, **job.controls}
    if wrong := [name for name, picture in sizes.items() if picture.shape[:2] != size]:
        raise BadInput(
            f"The finisher's pictures must have one size, {size[1]} x {size[0]} px as the prior has; "
            f"these have another: {', '.join(wrong)}."
        )
    if min(size) < 8:
        raise BadInput("The finisher needs a picture of at least 8 x 8 px.")
