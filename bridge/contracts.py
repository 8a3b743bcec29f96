"""What crosses a boundary, stated once: the words, every model's tensors, and the graphs they form.

Frames and units, unless a tensor says otherwise:

* An **image** is ``UINT8 [height, width, 3]``, RGB, sRGB-coded, upright.
* A **point** is ``(x, y)`` in pixels of the image it belongs to: x to the right, y down, and the centre of
  the top left pixel is (0.5, 0.5).
* A **mask** is ``UINT8 [height, width]``: 0 is outside, 255 is inside, between is the share that is covered.
* The **camera frame** is metres, x to the right, y up, z towards the camera, which is level and stands at the
  origin: what is seen has negative z. A point (X, Y, Z) is seen at ``(cx - f X / Z, cy + f Y / Z)`` [px].
* **Left** and **right** are the wearer's, for garments too: in a photo from the front, left lies at larger x.

`make configs` writes every ``config.pbtxt`` from this file. It imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum

ANY = -1
"""A dimension that differs between requests."""


# --- the words ------------------------------------------------------------------------------------------


class Category(str, Enum):
    """What kind of garment; ``AUTO`` lets the garment model decide."""

    AUTO = "auto"
    UPPER = "upper"
    LOWER = "lower"
    DRESS = "dress"


class Label(IntEnum):
    """The classes of a parsed person photo, by what is seen at a pixel."""

    BACKGROUND = 0
    HAIR = 1
    FACE = 2
    NECK = 3  # the neck, and the chest that a neckline leaves bare
    ARMS = 4
    HANDS = 5
    UPPER = 6
    LOWER = 7
    DRESS = 8
    LEGS = 9
    SHOES = 10
    ACCESSORY = 11  # bags and other things held or worn over the clothes


class Part(IntEnum):
    """Which piece of the new garment covers a pixel; NONE where none does."""

    NONE = 0
    TORSO = 1
    LEFT_SLEEVE = 2
    RIGHT_SLEEVE = 3
    LEFT_LEG = 4
    RIGHT_LEG = 5
    SKIRT = 6


class GarmentPoint(IntEnum):
    """The garment's landmarks, on the outline of the flat garment; score 0 where it has no such point."""

    COLLAR_LEFT = 0  # where the neckline meets the shoulder seam: the highest points of the neckline
    COLLAR_RIGHT = 1
    COLLAR_FRONT = 2  # the lowest point of the front neckline's edge
    SHOULDER_LEFT = 3  # the shoulder's tip, at the top of the armhole
    SHOULDER_RIGHT = 4
    ARMPIT_LEFT = 5  # the bottom of the armhole
    ARMPIT_RIGHT = 6
    CUFF_OUTER_LEFT = 7  # the sleeve's end, on the edge that comes from the shoulder
    CUFF_OUTER_RIGHT = 8
    CUFF_INNER_LEFT = 9  # the sleeve's end, on the edge that comes from the armpit
    CUFF_INNER_RIGHT = 10
    WAIST_LEFT = 11  # upper, dress: the narrowest point of the side; lower: the ends of the waistband's top
    WAIST_RIGHT = 12
    HIP_LEFT = 13  # lower, dress: the side where the hips are
    HIP_RIGHT = 14
    HEM_LEFT = 15  # the ends of the hem; for trousers, the outer ends of the legs
    HEM_RIGHT = 16
    HEM_CENTRE = 17  # the hem's middle; trousers have none
    CROTCH = 18  # trousers only
    HEM_INNER_LEFT = 19  # trousers only: the inner ends of the legs
    HEM_INNER_RIGHT = 20


class BodyPoint(IntEnum):
    """The 33 landmarks of BlazePose GHUM (Bazarevsky et al. 2020), in its order."""

    NOSE = 0
    LEFT_EYE_INNER = 1
    LEFT_EYE = 2
    LEFT_EYE_OUTER = 3
    RIGHT_EYE_INNER = 4
    RIGHT_EYE = 5
    RIGHT_EYE_OUTER = 6
    LEFT_EAR = 7
    RIGHT_EAR = 8
    MOUTH_LEFT = 9
    MOUTH_RIGHT = 10
    LEFT_SHOULDER = 11
    RIGHT_SHOULDER = 12
    LEFT_ELBOW = 13
    RIGHT_ELBOW = 14
    LEFT_WRIST = 15
    RIGHT_WRIST = 16
    LEFT_PINKY = 17
    RIGHT_PINKY = 18
    LEFT_INDEX = 19
    RIGHT_INDEX = 20
    LEFT_THUMB = 21
    RIGHT_THUMB = 22
    LEFT_HIP = 23
    RIGHT_HIP = 24
    LEFT_KNEE = 25
    RIGHT_KNEE = 26
    LEFT_ANKLE = 27
    RIGHT_ANKLE = 28
    LEFT_HEEL = 29
    RIGHT_HEEL = 30
    LEFT_FOOT_INDEX = 31
    RIGHT_FOOT_INDEX = 32


class BodyPart(IntEnum):
    """Which part of the body a vertex of the fitted body belongs to."""

    HEAD = 0
    NECK = 1
    TORSO = 2
    LEFT_UPPER_ARM = 3
    RIGHT_UPPER_ARM = 4
    LEFT_FOREARM = 5
    RIGHT_FOREARM = 6
    LEFT_HAND = 7
    RIGHT_HAND = 8
    LEFT_THIGH = 9
    RIGHT_THIGH = 10
    LEFT_CALF = 11
    RIGHT_CALF = 12
    LEFT_FOOT = 13
    RIGHT_FOOT = 14


class Panel(IntEnum):
    """Which layer of the sewn garment a vertex lies on."""

    FRONT = 0
    BACK = 1


class Fabric(str, Enum):
    """What a garment is made of, as far as its fall is concerned; ``AUTO`` lets its photo decide."""

    AUTO = "auto"
    DENIM = "denim"
    KNIT = "knit"
    SATIN = "satin"
    LEATHER = "leather"
    PRINTED = "printed"


class Expert(str, Enum):
    """What puts a garment on a person: bent in 2.5D, or sewn and draped on a body; ``AUTO`` lets the router decide."""

    AUTO = "auto"
    WARP = "warp"
    DRAPE = "drape"


# --- the grammar ----------------------------------------------------------------------------------------


class DType(str, Enum):
    """Triton's names for the types of tensors; BYTES is a string of any length."""

    UINT8 = "UINT8"
    INT32 = "INT32"
    INT64 = "INT64"
    FP16 = "FP16"
    FP32 = "FP32"
    BYTES = "BYTES"


class Backend(str, Enum):
    """What runs a model."""

    PYTHON = "python"
    ONNXRUNTIME = "onnxruntime"
    TENSORRT = "tensorrt"
    PYTORCH = "pytorch"  # a package that AOTInductor compiled
    ENSEMBLE = "ensemble"


@dataclass(frozen=True)
class Tensor:
    """One input or output: ``shape`` is without the batch dimension, ``meaning`` says unit, range and frame.

    An input with a ``default`` may be left out, of an ensemble too; a model always gets it.
    """

    name: str
    dtype: DType
    shape: tuple[int, ...]
    meaning: str
    default: bytes | int | None = None


@dataclass(frozen=True)
class Step:
    """One model's place in an ensemble: which of the ensemble's tensors it reads and writes."""

    model: str
    inputs: Mapping[str, str]  # the model's input -> the ensemble's tensor
    outputs: Mapping[str, str]  # the model's output -> the ensemble's tensor


@dataclass(frozen=True)
class Contract:
    """One Triton model as its callers see it."""

    name: str
    summary: str
    backend: Backend
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    max_batch: int = 0  # 0: no batch dimension
    artifacts: tuple[str, ...] = ()  # the registry's ids of its weights, in the order of reading
    calls: tuple[str, ...] = ()  # the models that this one calls itself (BLS)
    asks: tuple[str, ...] = ()  # the models of LEARNED that it calls too, where the repository has them
    steps: tuple[Step, ...] = field(default=())  # an ensemble's graph
    decoupled: bool = False  # it answers a request in several responses, the last of which says so


# --- tensors that travel --------------------------------------------------------------------------------

PHOTO = Tensor("photo", DType.BYTES, (1,), "an encoded JPEG, PNG or WebP picture, as it was uploaded")
IMAGE = Tensor("image", DType.UINT8, (ANY, ANY, 3), "the person's photo, long side at most 1408 px")
PERSON_INDEX = Tensor(
    "person_index",
    DType.INT32,
    (1,),
    "which person, counted from the largest (0); -1 takes the largest",
    default=-1,
)
KEYPOINTS = Tensor(
    "keypoints",
    DType.FP32,
    (33, 4),
    "BodyPoint rows: x, y [px], z [px, nearer is negative, the hips' middle is 0], visibility [0, 1]; points "
    "outside the photo keep their extrapolated place",
)
WORLD = Tensor(
    "world", DType.FP32, (33, 3), "BodyPoint rows: x, y, z [m] around the hips' middle, x right, y down"
)
COCO17 = Tensor("coco17", DType.FP32, (17, 3), "the COCO keypoints: x, y [px], score [0, 1]")
BODY25 = Tensor("body25", DType.FP32, (25, 3), "OpenPose's BODY-25 keypoints: x, y [px], score [0, 1]")
BOX = Tensor("box", DType.FP32, (4,), "the person's box: x0, y0, x1, y1 [px]")
PEOPLE = Tensor("people", DType.INT32, (1,), "how many people were found")
POSE_MASK = Tensor("pose_mask", DType.UINT8, (ANY, ANY), "the landmark network's coarse mask of the person")
FACE_BOX = Tensor("face_box", DType.FP32, (4,), "x0, y0, x1, y1 [px]; zeros when no face is seen")
FACE_MESH = Tensor(
    "face_mesh", DType.FP32, (468, 3), "MediaPipe's face mesh: x, y, z [px]; zeros without a face"
)
FACE_SCORE = Tensor("face_score", DType.FP32, (1,), "confidence of the face [0, 1]; 0 when none is seen")
OTHER_FACES = Tensor(
    "other_faces",
    DType.FP32,
    (ANY, 4),
    "x0, y0, x1, y1 [px] of every other face, and of the heads of people whose face is not seen; largest first",
)
HANDS = Tensor(
    "hands",
    DType.FP32,
    (2, 21, 3),
    "left hand, right hand: MediaPipe's 21 points x, y, z [px]; zeros if unseen",
)
HAND_SCORES = Tensor("hand_scores", DType.FP32, (2,), "confidence of each hand [0, 1]; 0 when it is not seen")
MATTE = Tensor(
    "matte", DType.UINT8, (ANY, ANY), "mask of the person with all that is worn and held, soft edge"
)
AFTER = Tensor(
    "after",
    DType.BYTES,
    (1,),
    "not looked at: it makes this step of an ensemble wait for the one that computes it",
    default=b"",
)
EXPERT = Tensor(
    "expert",
    DType.BYTES,
    (1,),
    "an Expert: what shall put the garment on the person; auto lets the system decide and try another",
    default=b"auto",
)
ROUTE_REPORT = Tensor(
    "route_report",
    DType.BYTES,
    (1,),
    "JSON: expert (warp or drape), why (a sentence), and what drape's models report: mesh, body, drape, or null",
)
LABELS = Tensor("labels", DType.UINT8, (ANY, ANY), "Label of every pixel")
GARMENT_IMAGE = Tensor(
    "garment_image", DType.UINT8, (ANY, ANY, 3), "the garment's photo, long side at most 1408 px"
)
CATEGORY = Tensor("category", DType.BYTES, (1,), "a Category: auto, upper, lower or dress", default=b"auto")
GARMENT_CATEGORY = Tensor(
    "garment_category", DType.BYTES, (1,), "the Category that was found: upper, lower or dress"
)
GARMENT_MASK = Tensor("garment_mask", DType.UINT8, (ANY, ANY), "mask of the garment in its photo, soft edge")
GARMENT_INSIDE = Tensor(
    "garment_inside",
    DType.UINT8,
    (ANY, ANY),
    "mask of the garment's inner side that its photo shows (the back of the collar, of a hem): part of "
    "garment_mask, never painted on the front of the body",
)
GARMENT_POINTS = Tensor("garment_points", DType.FP32, (21, 3), "GarmentPoint rows: x, y [px], score [0, 1]")
LAYER = Tensor(
    "layer",
    DType.UINT8,
    (ANY, ANY, 4),
    "the garment laid on the body in the photo's frame: RGB as in the garment's photo, straight alpha; complete "
    "where hair, hands or arms will lie in front of it",
)
LAYER_PARTS = Tensor("layer_parts", DType.UINT8, (ANY, ANY), "Part of every pixel of the layer")
MASK = Tensor(
    "mask",
    DType.BYTES,
    (1,),
    "an encoded picture of the photo's size, white where the photo is hidden from everything that paints and may "
    "change; empty: the system decides",
    default=b"",
)
REGION = Tensor(
    "region",
    DType.UINT8,
    (ANY, ANY),
    "the decoded mask (0 or 255) at the image's size; [0, 0] when none was given",
)
SEED = Tensor(
    "seed", DType.INT64, (1,), "seed of whatever is random; -1 derives it from the pictures", default=-1
)
RESULT = Tensor("result", DType.UINT8, (ANY, ANY, 3), "the photo of the person wearing the garment")
EDIT_MASK = Tensor(
    "edit_mask",
    DType.UINT8,
    (ANY, ANY),
    "255 where the result may differ from the photo; 0: equal, bit for bit",
)
AGNOSTIC = Tensor(
    "agnostic",
    DType.UINT8,
    (ANY, ANY, 3),
    "the photo with the old garment hidden and what lies behind it filled in",
)
FORMAT = Tensor(
    "format",
    DType.BYTES,
    (1,),
    "png, jpeg or webp; only png keeps unedited pixels bit for bit",
    default=b"png",
)
ENCODED = Tensor("encoded", DType.BYTES, (1,), "the encoded result")
REPORT = Tensor(
    "report", DType.BYTES, (1,), "JSON: scores, warnings, category, expert, seed, sizes (see quality)"
)


# --- tensors of the third dimension ---------------------------------------------------------------------

HEIGHT = Tensor(
    "height", DType.INT32, (1,), "the person's known height [mm]; 0: unknown, an adult's mean", default=0
)
CAMERA = Tensor("camera", DType.FP32, (3,), "f, cx, cy [px]: focal length and principal point of the photo")
BODY_MOTION = Tensor(
    "body_motion",
    DType.FP32,
    (ANY, ANY, 3),
    "the body's vertices [m, camera frame] at evenly spaced moments, from an A-pose (first) to the pose of the photo "
    "(last); the pelvis stays where the photo has it",
)
BODY_FACES = Tensor(
    "body_faces", DType.INT32, (ANY, 3), "the body's triangles, anticlockwise seen from outside"
)
BODY_PARTS = Tensor("body_parts", DType.UINT8, (ANY,), "BodyPart of every vertex of the body")
BODY_LANDMARKS = Tensor(
    "body_landmarks",
    DType.FP32,
    (2, 33, 3),
    "BodyPoint rows [m, camera frame] inside the body: in the A-pose, and in the pose of the photo",
)
BODY_REPORT = Tensor(
    "body_report",
    DType.BYTES,
    (1,),
    "JSON: converged, mean_error_px, silhouette_iou, measurements_cm, height_known, pose, shape, model",
)
GARMENT_VERTICES = Tensor(
    "garment_vertices",
    DType.FP32,
    (ANY, 2),
    "the flat panels' vertices [px of the garment's photo]; also their texture coordinates",
)
GARMENT_FACES = Tensor(
    "garment_faces",
    DType.INT32,
    (ANY, 3),
    "triangles of the panels, anticlockwise seen from outside the garment",
)
GARMENT_PANELS = Tensor("garment_panels", DType.UINT8, (ANY,), "Panel of every vertex")
GARMENT_REGIONS = Tensor("garment_regions", DType.UINT8, (ANY,), "Part that every vertex belongs to")
GARMENT_SEAMS = Tensor("garment_seams", DType.INT32, (ANY, 2), "pairs of vertices that are sewn together")
MESH_REPORT = Tensor(
    "mesh_report",
    DType.BYTES,
    (1,),
    "JSON: how many vertices, faces, seams (pairs) and openings the sewn garment has; edge_px; fabric, and fabric_why, "
    "a sentence",
)
FABRIC = Tensor(
    "fabric",
    DType.BYTES,
    (1,),
    "a Fabric, for the expert drape: auto, denim, knit, satin, leather or printed",
    default=b"auto",
)
GARMENT_FABRIC = Tensor(
    "garment_fabric", DType.BYTES, (1,), "the Fabric that was asked for, or told from the photo; never auto"
)
DRAPED = Tensor(
    "draped", DType.FP32, (ANY, 3), "the garment's vertices [m, camera frame] on the posed body, at rest"
)
STRAIN = Tensor("strain", DType.FP32, (ANY,), "largest stretch of each triangle against its panel; 0 is none")
CLEARANCE = Tensor(
    "clearance",
    DType.FP32,
    (ANY,),
    "distance [mm] of each of the garment's vertices from the skin that its inner side faces, negative inside; 100 "
    "where there is none within; only sleeves meet arms, and nothing meets head, hands and toes",
)
NEAREST_SKIN = Tensor(
    "nearest_skin", DType.INT32, (ANY,), "the triangle of the body to which each clearance is; -1: none"
)
DRAPE_REPORT = Tensor(
    "drape_report",
    DType.BYTES,
    (1,),
    "JSON: converged, deepest_penetration_mm, penetrating_share, largest_strain, mean_strain, frames; refined, whether "
    "the second stage made it better, and coarse_largest_strain, coarse_mean_strain before it",
)
DEPTH = Tensor("depth", DType.FP32, (ANY, ANY), "distance along the view [m]; 0 where nothing is")
NORMALS = Tensor(
    "normals", DType.FP32, (ANY, ANY, 3), "unit normals in the camera frame; zeros where nothing is"
)
BODY_DEPTH = replace(DEPTH, name="body_depth")
BODY_NORMALS = replace(NORMALS, name="body_normals")


# --- tensors of the finisher ----------------------------------------------------------------------------

CONTROLS = Tensor(
    "controls",
    DType.UINT8,
    (ANY, ANY, ANY, 3),
    "pictures that guide the finisher, of the size of what it finishes, drawn as ControlNets were taught to read them",
)
CONTROL_KINDS = Tensor(
    "control_kinds",
    DType.BYTES,
    (ANY,),
    "what each control is: a name of bridge.finish.layout.UNION_KINDS, or a net's",
)
PRIOR = Tensor(
    "prior", DType.UINT8, (ANY, ANY, 3), "the geometry's picture, of which the finisher makes a photo"
)
ORIGINAL = Tensor(
    "photo", DType.UINT8, (ANY, ANY, 3), "the person's photo, of the prior's size: what must not be edited"
)
GARMENT_PROMPT = Tensor(
    "garment_image",
    DType.UINT8,
    (ANY, ANY, 3),
    "the garment, as the adapter for fabric looks at it; 0 x 0: none",
)
FACE_EMBEDDING = Tensor(
    "face_embedding", DType.FP32, (ANY, 512), "a row per face, one or none: ArcFace's, as its model gives it"
)
FACE_CROP = Tensor("face_crop", DType.UINT8, (ANY, ANY, 3), "that face, aligned and square; 0 x 0: none")
PROMPT = Tensor("prompt", DType.BYTES, (1,), "what the picture shows, in English", default=b"")
NEGATIVE_PROMPT = Tensor("negative_prompt", DType.BYTES, (1,), "what it must not look like", default=b"")
FINISH_SETTINGS = Tensor(
    "settings", DType.BYTES, (1,), "JSON: tier, and what differs from its settings in configs/pipeline.yaml",
    default=b"",
)  # fmt: skip
DEADLINE = Tensor(
    "deadline", DType.FP32, (1,), "in how many seconds it is wanted: who has least time begins first; 0: no hurry",
    default=0,
)  # fmt: skip
EVENT = Tensor(
    "event", DType.BYTES, (1,), "JSON: stage, step of steps that are done, seconds since the start"
)
PREVIEW = Tensor("preview", DType.BYTES, (1,), "a small picture of how far it is, PNG; mostly empty")
FINISHED = Tensor(
    "finished", DType.UINT8, (ANY, ANY, 3), "the finished picture; 0 x 0 before the last response"
)
FINISH_REPORT = Tensor(
    "finish_report", DType.BYTES, (1,), "JSON: what was done, and with what; empty before the last response"
)


def _net(name: str, summary: str, side: int, outputs: tuple[Tensor, ...], max_batch: int = 8) -> Contract:
    """A converted LiteRT network: one square RGB crop in, in the range that the network was trained on."""
    crop = Tensor("crop", DType.FP32, (side, side, 3), "RGB crop; range as the model's summary says")
    return Contract(name, summary, Backend.ONNXRUNTIME, (crop,), outputs, max_batch, artifacts=(name,))


def _out(name: str, shape: tuple[int, ...], meaning: str) -> Tensor:
    return Tensor(name, DType.FP32, shape, meaning)


def _wired(model: Contract, **renamed: str) -> Step:
    """A step whose tensors keep their names, except those that ``renamed`` maps to the ensemble's.

    AFTER is wired only where ``renamed`` names it.
    """
    inputs = [t.name for t in model.inputs if t is not AFTER or t.name in renamed]
    return Step(
        model.name,
        {name: renamed.get(name, name) for name in inputs},
        {t.name: renamed.get(t.name, t.name) for t in model.outputs},
    )


# --- the networks ---------------------------------------------------------------------------------------

POSE_DETECTION = _net(
    "pose_detection",
    "BlazePose person detector; crop in [-1, 1]",
    224,
    (
        _out(
            "boxes",
            (2254, 12),
            "per anchor: box centre, size and 4 keypoints, in crop pixels from the anchor",
        ),
        _out("logits", (2254, 1), "per anchor: logit of a person"),
    ),
)
POSE_LANDMARK = _net(
    "pose_landmark",
    "BlazePose GHUM landmarks (full); crop in [0, 1], aligned to hips and shoulders",
    256,
    (
        _out("landmarks", (195,), "39 points: x, y, z [crop px], visibility logit, presence logit"),
        _out("presence", (1,), "probability that a person is in the crop"),
        _out("segmentation", (256, 256, 1), "logit of the person per crop pixel"),
        _out("world", (117,), "39 points: x, y, z [m]"),
    ),
)
FACE_DETECTION = _net(
    "face_detection",
    "BlazeFace short range; crop in [-1, 1]",
    128,
    (
        _out(
            "boxes", (896, 16), "per anchor: box centre, size and 6 keypoints, in crop pixels from the anchor"
        ),
        _out("logits", (896, 1), "per anchor: logit of a face"),
    ),
)
FACE_LANDMARK = _net(
    "face_landmark",
    "Face mesh; crop in [0, 1], aligned to the eyes",
    192,
    (
        _out("mesh", (1404,), "468 points: x, y, z [crop px]"),
        _out("presence", (1,), "logit of a face in the crop"),
    ),
)
HAND_LANDMARK = _net(
    "hand_landmark",
    "Hand landmarks (full); crop in [0, 1], wrist below, middle finger up",
    224,
    (
        _out("points", (63,), "21 points: x, y, z [crop px]"),
        _out("presence", (1,), "probability of a hand in the crop"),
        _out("handedness", (1,), "probability that it is a right hand (of an unmirrored photo)"),
    ),
)
SELFIE_SEGMENTATION = _net(
    "selfie_segmentation",
    "Person segmentation; crop in [0, 1], the whole photo squeezed to a square",
    256,
    (_out("person", (256, 256, 1), "probability of the person per crop pixel"),),
)

# --- the learned scores' networks: in the repository only where somebody installed their weights ---------

CLIP_EMBEDDING = _out("embedding", (768,), "the picture's projection, of length 1")
CLIP_IMAGE = Contract(
    "clip_image", "CLIP ViT-L/14, the picture's tower", Backend.ONNXRUNTIME,
    (_out("pixels", (3, 224, 224), "RGB, planes first, normalised by CLIP's mean and deviation"),),
    (CLIP_EMBEDDING,), max_batch=8, artifacts=("clip_vit_large_patch14",),
)  # fmt: skip
AESTHETIC = Contract(
    "aesthetic", "LAION's predictor of how much people like a picture", Backend.ONNXRUNTIME, (CLIP_EMBEDDING,),
    (_out("rating", (1,), "about 1 to 10, more is better"),), max_batch=8, artifacts=("aesthetic_predictor",),
)  # fmt: skip
LPIPS = Contract(
    "lpips", "LPIPS 0.1 on AlexNet, how far apart people see two pictures", Backend.ONNXRUNTIME,
    tuple(_out(name, (3, 256, 256), "RGB, planes first, in [-1, 1]") for name in ("first", "second")),
    (_out("distance", (1,), "0: the same; less is better"),), max_batch=8, artifacts=("alexnet", "lpips_alex"),
)  # fmt: skip
"""The convolutions are AlexNet's, the linear heads LPIPS' own."""
FACE_EMBED = Contract(
    "face_embed", "AuraFace, whose face it is", Backend.ONNXRUNTIME,
    (_out("face", (3, 112, 112), "RGB, planes first, in [-1, 1], aligned by eyes, nose and mouth"),),
    (_out("embedding", (512,), "of any length: compared by the cosine"),), max_batch=8, artifacts=("auraface",),
)  # fmt: skip
LEARNED: Mapping[str, Contract] = {c.name: c for c in (CLIP_IMAGE, AESTHETIC, LPIPS, FACE_EMBED)}
"""These by name. They are no part of :data:`CONTRACTS`: `python -m export scores` writes their ``config.pbtxt`` when
it installs them."""

# --- perception -----------------------------------------------------------------------------------------

DECODE = Contract(
    "decode", "Encoded bytes to an upright RGB image", Backend.PYTHON, (PHOTO,),
    (Tensor("image", DType.UINT8, (ANY, ANY, 3), "the decoded picture, long side at most 1408 px"),),
)  # fmt: skip
POSE = Contract(
    "pose", "The person and 33 landmarks", Backend.PYTHON, (IMAGE, PERSON_INDEX, AFTER),
    (KEYPOINTS, WORLD, COCO17, BODY25, BOX, PEOPLE, POSE_MASK), calls=("pose_detection", "pose_landmark"),
)  # fmt: skip
FACE = Contract(
    "face", "The face's box and mesh", Backend.PYTHON, (IMAGE, KEYPOINTS), (FACE_BOX, FACE_MESH, FACE_SCORE),
    calls=("face_detection", "face_landmark"),
)  # fmt: skip
FACES = Contract(
    "faces", "Whose face is the dressed person's, and all other faces", Backend.PYTHON, (IMAGE, PERSON_INDEX),
    (FACE_BOX, OTHER_FACES, BOX), calls=("pose_detection", "pose_landmark", "face_detection", "face_landmark"),
)  # fmt: skip
HAND = Contract(
    "hand", "Both hands' landmarks", Backend.PYTHON, (IMAGE, KEYPOINTS), (HANDS, HAND_SCORES),
    calls=("hand_landmark",),
)  # fmt: skip
SILHOUETTE = Contract(
    "silhouette", "The person's matte", Backend.PYTHON, (IMAGE, KEYPOINTS, BOX, POSE_MASK), (MATTE,),
    calls=("selfie_segmentation",),
)  # fmt: skip
PARSE = Contract(
    "parse", "What is seen at every pixel", Backend.PYTHON,
    (IMAGE, KEYPOINTS, FACE_MESH, FACE_SCORE, HANDS, HAND_SCORES, MATTE), (LABELS,),
)  # fmt: skip
PERCEPTION = Contract(
    "perception",
    "Everything that is known of the person's photo",
    Backend.ENSEMBLE,
    (PHOTO, PERSON_INDEX),
    (
        IMAGE, KEYPOINTS, WORLD, COCO17, BODY25, BOX, PEOPLE, FACE_BOX, FACE_MESH, FACE_SCORE, HANDS, HAND_SCORES,
        MATTE, LABELS,
    ),
    steps=tuple(_wired(m) for m in (DECODE, POSE, FACE, HAND, SILHOUETTE, PARSE)),
)  # fmt: skip

# --- the try-on -----------------------------------------------------------------------------------------

PERSON_PHOTO = Tensor("person", DType.BYTES, (1,), "the person's photo: " + PHOTO.meaning)
GARMENT_PHOTO = Tensor("garment", DType.BYTES, (1,), "the garment's photo from the front: " + PHOTO.meaning)
INTAKE = Contract(
    "intake", "What a try-on's caller sent, decoded and checked", Backend.PYTHON,
    (PERSON_PHOTO, GARMENT_PHOTO, MASK, FORMAT), (IMAGE, GARMENT_IMAGE, REGION),
)  # fmt: skip
GARMENT = Contract(
    "garment", "The garment cut out, named and measured", Backend.PYTHON, (GARMENT_IMAGE, CATEGORY),
    (GARMENT_CATEGORY, GARMENT_MASK, GARMENT_INSIDE, GARMENT_POINTS),
)  # fmt: skip
WARP = Contract(
    "warp", "Expert: the garment bent onto the body in 2.5D", Backend.PYTHON,
    (KEYPOINTS, MATTE, LABELS, GARMENT_IMAGE, GARMENT_CATEGORY, GARMENT_MASK, GARMENT_INSIDE, GARMENT_POINTS),
    (LAYER, LAYER_PARTS),
)  # fmt: skip
FIT_BODY = Contract(
    "fit_body", "A parametric body in the pose and shape of the person", Backend.PYTHON,
    (KEYPOINTS, WORLD, MATTE, LABELS, HEIGHT),
    (BODY_MOTION, BODY_FACES, BODY_PARTS, BODY_LANDMARKS, CAMERA, BODY_REPORT), artifacts=("anny",),
)  # fmt: skip
GARMENT_MESH = Contract(
    "garment_mesh", "The garment's photo as sewing panels", Backend.PYTHON,
    (GARMENT_IMAGE, GARMENT_CATEGORY, GARMENT_MASK, GARMENT_INSIDE, GARMENT_POINTS, FABRIC),
    (
        GARMENT_VERTICES, GARMENT_FACES, GARMENT_PANELS, GARMENT_REGIONS, GARMENT_SEAMS, GARMENT_FABRIC, MESH_REPORT,
    ),
)  # fmt: skip
DRAPE = Contract(
    "drape", "The sewn garment simulated on the body", Backend.PYTHON,
    (
        BODY_MOTION, BODY_FACES, BODY_PARTS, BODY_LANDMARKS, GARMENT_CATEGORY, GARMENT_POINTS, GARMENT_VERTICES,
        GARMENT_FACES, GARMENT_PANELS, GARMENT_REGIONS, GARMENT_SEAMS, GARMENT_FABRIC,
    ),
    (DRAPED, STRAIN, CLEARANCE, NEAREST_SKIN, DRAPE_REPORT),
)  # fmt: skip
SPLAT = Contract(
    "splat", "The draped garment drawn into the photo's frame", Backend.PYTHON,
    (
        DRAPED, GARMENT_VERTICES, GARMENT_FACES, GARMENT_PANELS, GARMENT_REGIONS, GARMENT_IMAGE, GARMENT_MASK,
        BODY_MOTION, BODY_FACES, CAMERA, MATTE,
    ),
    (LAYER, LAYER_PARTS, DEPTH, NORMALS),
)  # fmt: skip
ROUTE = Contract(
    "route",
    "Picks the expert that suits the garment and the person, and another where it fails",
    Backend.PYTHON,
    (*WARP.inputs, WORLD, EXPERT, HEIGHT, FABRIC),
    (
        LAYER, LAYER_PARTS, ROUTE_REPORT, BODY_MOTION, BODY_FACES, CAMERA, GARMENT_VERTICES, GARMENT_FACES,
        GARMENT_PANELS, GARMENT_SEAMS, DRAPED, STRAIN, CLEARANCE, NEAREST_SKIN, DEPTH, NORMALS,
    ),
    calls=("warp", "garment_mesh", "fit_body", "drape", "splat"),
)  # fmt: skip
"""All that follows its report is empty unless drape made the layer."""
COMPOSE = Contract(
    "compose", "The old garment hidden, the new one laid, lit and blended", Backend.PYTHON,
    (
        IMAGE, KEYPOINTS, MATTE, LABELS, FACE_MESH, FACE_SCORE, HANDS, HAND_SCORES, REGION, GARMENT_CATEGORY, LAYER,
        LAYER_PARTS, SEED,
    ),
    (RESULT, EDIT_MASK, AGNOSTIC),
)  # fmt: skip
SCORE = Contract(
    "score", "How good the picture is, by measures without weights and by the networks that are installed",
    Backend.PYTHON,
    (
        IMAGE, KEYPOINTS, PEOPLE, PERSON_INDEX, LABELS, FACE_MESH, FACE_SCORE, RESULT, EDIT_MASK, AGNOSTIC, LAYER,
        LAYER_PARTS, GARMENT_IMAGE, GARMENT_MASK, GARMENT_INSIDE, GARMENT_CATEGORY, SEED, ROUTE_REPORT,
    ),
    (REPORT,), asks=tuple(LEARNED),
)  # fmt: skip
BODY_MAPS = Contract(
    "body_maps", "The fitted body's depth and normals in the photo's frame", Backend.PYTHON,
    (*FIT_BODY.outputs, MATTE), (BODY_DEPTH, BODY_NORMALS),
)  # fmt: skip
GUIDES = Contract(
    "guides", "What is known of the dressed person, drawn as the finisher's controls", Backend.PYTHON,
    (
        RESULT, KEYPOINTS, HANDS, HAND_SCORES, FACE_MESH, FACE_SCORE, MATTE, LABELS, LAYER, LAYER_PARTS,
        GARMENT_CATEGORY, DEPTH, NORMALS, BODY_DEPTH, BODY_NORMALS,
    ),
    (CONTROLS, CONTROL_KINDS),
)  # fmt: skip
FINISH = Contract(
    "finish", "A photo of the geometry's picture, by diffusion; tells of each step", Backend.PYTHON,
    (
        PRIOR, ORIGINAL, EDIT_MASK, CONTROLS, CONTROL_KINDS, GARMENT_PROMPT, FACE_EMBEDDING, FACE_CROP, PROMPT,
        NEGATIVE_PROMPT, FINISH_SETTINGS, SEED, DEADLINE,
    ),
    (EVENT, PREVIEW, FINISHED, FINISH_REPORT), decoupled=True,
)  # fmt: skip
"""It calls the networks of the installed checkpoint, see :mod:`bridge.finish.contracts`."""
ENCODE = Contract("encode", "An RGB image to encoded bytes", Backend.PYTHON, (RESULT, FORMAT), (ENCODED,))
TRYON_BASIC = Contract(
    "tryon_basic",
    "The basic tier: a person's photo and a garment's photo in, the person wearing it out",
    Backend.ENSEMBLE,
    (PERSON_PHOTO, GARMENT_PHOTO, CATEGORY, MASK, PERSON_INDEX, SEED, FORMAT, EXPERT, HEIGHT, FABRIC),
    (ENCODED, REPORT),
    steps=(
        *(_wired(m) for m in (INTAKE, GARMENT)),
        _wired(POSE, after=GARMENT_CATEGORY.name),
        *(_wired(m) for m in (FACE, HAND, SILHOUETTE, PARSE, ROUTE, COMPOSE, SCORE, ENCODE)),
    ),
)  # fmt: skip
"""Every step that may refuse what the caller sent (intake, garment, pose, route) runs alone. Triton before 26.04
never frees a request of which a step failed while another one ran, and may crash of it (its core's
``EnsembleContext::PrepareSteps`` and ``ScheduleSteps``; pull request 483)."""
TRYON_BASIC_STAGES = replace(
    TRYON_BASIC,
    name="tryon_basic_stages",
    summary="tryon_basic with everything it saw and made on the way; ask for all of its outputs or none by name",
    outputs=(
        ENCODED, REPORT, IMAGE, KEYPOINTS, MATTE, LABELS, GARMENT_IMAGE, GARMENT_CATEGORY, GARMENT_MASK,
        GARMENT_INSIDE, GARMENT_POINTS, LAYER, LAYER_PARTS, RESULT, EDIT_MASK, AGNOSTIC, WORLD, PEOPLE, HANDS,
        HAND_SCORES, FACE_MESH, FACE_SCORE, *ROUTE.outputs[2:],
    ),
)  # fmt: skip
"""An ensemble of its own, because Triton (up to 26.06 at least) answers "unexpected deadlock" when a request
leaves out an output that another step reads (server issue 7482), so that ``tryon_basic`` shows none of those."""

TRYON_PRO = Contract(
    "tryon_pro", "The pro tier: tryon_basic's picture made photoreal; tells of each step", Backend.PYTHON,
    (*TRYON_BASIC.inputs, PROMPT, NEGATIVE_PROMPT, FINISH_SETTINGS, DEADLINE), (EVENT, PREVIEW, ENCODED, REPORT),
    calls=("tryon_basic_stages", "fit_body", "body_maps", "guides", "score", "encode"), decoupled=True,
)  # fmt: skip
"""As `finish` it calls the networks of the installed checkpoint. ``encoded`` and ``report`` are empty before the last
response; that report is tryon_basic's with ``finish`` in it, which is the finisher's."""

CONTRACTS: Mapping[str, Contract] = {
    c.name: c
    for c in (
        POSE_DETECTION, POSE_LANDMARK, FACE_DETECTION, FACE_LANDMARK, HAND_LANDMARK, SELFIE_SEGMENTATION,
        DECODE, POSE, FACE, FACES, HAND, SILHOUETTE, PARSE, PERCEPTION,
        INTAKE, GARMENT, WARP, GARMENT_MESH, FIT_BODY, DRAPE, SPLAT, ROUTE, COMPOSE, SCORE, ENCODE,
        BODY_MAPS, GUIDES, FINISH, TRYON_BASIC, TRYON_BASIC_STAGES, TRYON_PRO,
    )
}  # fmt: skip
"""Every model of the repository by its name, without those that only an installation brings (:data:`LEARNED` and the
finisher's networks)."""

KNOWN: Mapping[str, Contract] = {**CONTRACTS, **LEARNED}
"""Every model that has a contract here, installed or not."""


def reached(models: Iterable[str]) -> set[str]:
    """Return the models with all those that they call, consist of, or ask where they are installed."""
    found: set[str] = set()
    pending = list(models)
    while pending:
        name = pending.pop()
        if name not in found and name in CONTRACTS:
            known = CONTRACTS[name]
            pending += [*known.calls, *known.asks, *(step.model for step in known.steps)]
        found.add(name)
    return found
