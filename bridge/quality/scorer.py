"""The contract ``score``: every measure of one picture, as a report."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt

from bridge.contracts import Category
from bridge.imaging.seed import resolve_seed
from bridge.quality import measures
from bridge.quality.fitting import Fitting
from bridge.quality.learned import Networks, learned_scores
from bridge.quality.lines import collar_line, hem_line, hiding
from bridge.quality.measures import Floats, Pixels, Region
from bridge.quality.placement import leak_iou
from bridge.quality.remarks import remarks
from bridge.quality.report import Report, Scores, WeightFree, encode_report, not_measured, rounded

Numbers = npt.NDArray[np.int32]
Words = npt.NDArray[np.object_]


class Scorer:
    """Answers ``score``: weight-free measures and remarks, and what networks see.

    At 768x1024 the first take 80 ms on one core, and what the networks are shown as much again.
    """

    def __init__(self, networks: Networks) -> None:
        """Take the networks that are installed, by their contracts' names."""
        self._networks = networks

    def __call__(
        self,
        *,
        image: Pixels,
        keypoints: Floats,
        people: Numbers,
        person_index: Numbers,
        labels: Pixels,
        face_mesh: Floats,
        face_score: Floats,
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
            face_mesh=face_mesh,
            face_score=float(face_score[0]),
            result=result,
            edit_mask=edit_mask,
            agnostic=agnostic,
            layer=layer,
            layer_parts=layer_parts,
            garment_image=garment_image,
            garment_shown=(garment_mask >= 128) & (garment_inside < 128),
            category=category,
        )
        scores = scores_of(fitting, self._networks)
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
            not_measured=not_measured(self._networks),
        )
        return {"report": np.array([encode_report(report)], dtype=np.object_)}


def scores_of(fitting: Fitting, networks: Networks) -> Scores:
    """Return every score of a try-on; None where the picture has nothing to measure it on."""
    changed = measures.changed_pixels(fitting.image, fitting.result)
    worn = measures.visible_garment(changed, fitting.edit_mask, fitting.labels, fitting.layer)
    return {**_weight_free(fitting, changed, worn), **learned_scores(fitting, worn, networks)}


def _weight_free(f: Fitting, changed: Region, worn: Region) -> WeightFree:
    seen = worn, f.layer, f.layer_parts
    front, has_collar = hiding(f.labels, f.edit_mask), f.category is not Category.LOWER
    return WeightFree(
        protected_identity=measures.protected_identity(changed, f.edit_mask),
        garment_colour=rounded(measures.colour_likeness(f.result, worn, f.garment_image, f.garment_shown)),
        garment_detail=rounded(
            measures.detail_ratio(f.result, worn, f.layer, f.garment_image, f.garment_shown)
        ),
        garment_print=rounded(measures.print_likeness(f.result, worn, f.layer)),
        leak_iou=rounded(
            leak_iou(f.agnostic, f.result, changed, worn, f.edit_mask, f.labels, f.layer, f.category)
        ),
        old_garment_left=rounded(measures.old_garment_left(changed, f.labels, f.layer, f.category)),
        coverage=rounded(measures.coverage(worn, f.layer)),
        hem_visible=rounded(measures.hem_visible(*seen)),
        collar_visible=rounded(measures.collar_visible(*seen)) if has_collar else None,
        hem_line=rounded(hem_line(*seen, front, f.keypoints, f.category)),
        collar_line=rounded(collar_line(*seen, front, f.keypoints)) if has_collar else None,
    )


def _size(image: Pixels) -> list[int]:
    return [image.shape[1], image.shape[0]]
