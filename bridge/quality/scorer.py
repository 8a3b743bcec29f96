"""The contract ``score``: every measure of one picture, as a report."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bridge.contracts import Category
from bridge.imaging.seed import resolve_seed
from bridge.quality import measures
from bridge.quality.lines import collar_line, hem_line, hiding
from bridge.quality.measures import Pixels
from bridge.quality.placement import leak_iou
from bridge.quality.remarks import remarks
from bridge.quality.report import NOT_MEASURED, Report, Scores, encode_report

Numbers = npt.NDArray[np.int32]
Words = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Fitting:
    """A try-on that is scored; shapes and ranges are those of the contract's tensors."""

    image: Pixels
    keypoints: npt.NDArray[np.float32]
    labels: Pixels
    result: Pixels
    edit_mask: Pixels
    agnostic: Pixels
    layer: Pixels
    layer_parts: Pixels
    garment_image: Pixels
    garment_shown: npt.NDArray[np.bool_]  # [h, w]: the garment's outer side in its photo
    category: Category


class Scorer:
    """Answers ``score``: weight-free measures and remarks, about 80 ms at 768x1024 on one core."""

    def __call__(
        self,
        *,
        image: Pixels,
        keypoints: npt.NDArray[np.float32],
        people: Numbers,
        person_index: Numbers,
        labels: Pixels,
        result: Pixels,
        edit_mask: Pixels,
        agnostic: Pixels,
        layer: Pixels,
        layer_parts: Pixels,
        garment_image: Pixels,
        garment_mask: Pixels,
        garment_inside: Pixels,
        garment_category: Words,
        seed: npt.NDArray[np.int64],
        route_report: Words,
    ) -> dict[str, Words]:
        """Score one picture; shapes and ranges are the contract's.

        Returns:
            ``report``: one element, the JSON of :class:`bridge.quality.report.Report`.
        """
        category = Category(garment_category[0].decode())
        fitting = Fitting(
            image=image,
            keypoints=keypoints,
            labels=labels,
            result=result,
            edit_mask=edit_mask,
            agnostic=agnostic,
            layer=layer,
            layer_parts=layer_parts,
            garment_image=garment_image,
            garment_shown=(garment_mask >= 128) & (garment_inside < 128),
            category=category,
        )
        scores = scores_of(fitting)
        chosen, route = int(person_index[0]), json.loads(route_report[0])
        report = Report(
            scores=scores,
            warnings=remarks(
                scores, people=int(people[0]), chosen=chosen, garment_mask=garment_mask, category=category
            ),
            category=category.value,
            expert=route["expert"],
            route=route,
            seed=resolve_seed(int(seed[0]), image, layer),
            people=int(people[0]),
            person_index=max(0, chosen),
            sizes={"photo": _size(image), "garment": _size(garment_image)},
            not_measured=dict(NOT_MEASURED),
        )
        return {"report": np.array([encode_report(report)], dtype=np.object_)}


def scores_of(fitting: Fitting) -> Scores:
    """Return every score of a try-on; None where the picture has nothing to measure it on."""
    f = fitting
    changed = measures.changed_pixels(f.image, f.result)
    worn = measures.visible_garment(changed, f.edit_mask, f.labels, f.layer)
    seen = worn, f.layer, f.layer_parts
    front, has_collar = hiding(f.labels, f.edit_mask), f.category is not Category.LOWER
    return Scores(
        protected_identity=measures.protected_identity(changed, f.edit_mask),
        garment_colour=_rounded(measures.colour_likeness(f.result, worn, f.garment_image, f.garment_shown)),
        garment_detail=_rounded(
            measures.detail_ratio(f.result, worn, f.layer, f.garment_image, f.garment_shown)
        ),
        garment_print=_rounded(measures.print_likeness(f.result, worn, f.layer)),
        leak_iou=_rounded(
            leak_iou(f.agnostic, f.result, changed, worn, f.edit_mask, f.labels, f.layer, f.category)
        ),
        old_garment_left=_rounded(measures.old_garment_left(changed, f.labels, f.layer, f.category)),
        coverage=_rounded(measures.coverage(worn, f.layer)),
        hem_visible=_rounded(measures.hem_visible(*seen)),
        collar_visible=_rounded(measures.collar_visible(*seen)) if has_collar else None,
        hem_line=_rounded(hem_line(*seen, front, f.keypoints, f.category)),
        collar_line=_rounded(collar_line(*seen, front, f.keypoints)) if has_collar else None,
    )


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 4)


def _size(image: Pixels) -> list[int]:
    return [image.shape[1], image.shape[0]]
