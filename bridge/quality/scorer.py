"""The contract ``score``: every measure of one picture, as a report."""

from __future__ import annotations

import json

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
        shown = (garment_mask >= 128) & (garment_inside < 128)
        changed = measures.changed_pixels(image, result)
        worn = measures.visible_garment(changed, edit_mask, labels, layer)
        front, has_collar = hiding(labels, edit_mask), category is not Category.LOWER
        scores = Scores(
            protected_identity=measures.protected_identity(changed, edit_mask),
            garment_colour=_rounded(measures.colour_likeness(result, worn, garment_image, shown)),
            garment_detail=_rounded(measures.detail_ratio(result, worn, layer, garment_image, shown)),
            garment_print=_rounded(measures.print_likeness(result, worn, layer)),
            leak_iou=_rounded(leak_iou(agnostic, result, changed, worn, edit_mask, labels, layer, category)),
            old_garment_left=_rounded(measures.old_garment_left(changed, labels, layer, category)),
            coverage=_rounded(measures.coverage(worn, layer)),
            hem_visible=_rounded(measures.hem_visible(worn, layer, layer_parts)),
            collar_visible=_rounded(measures.collar_visible(worn, layer, layer_parts))
            if has_collar
            else None,
            hem_line=_rounded(hem_line(worn, layer, layer_parts, front, keypoints, category)),
            collar_line=_rounded(collar_line(worn, layer, layer_parts, front, keypoints))
            if has_collar
            else None,
        )
        chosen = int(person_index[0])
        route = json.loads(route_report[0])
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


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 4)


def _size(image: Pixels) -> list[int]:
    return [image.shape[1], image.shape[0]]
