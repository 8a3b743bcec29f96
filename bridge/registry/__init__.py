"""Every weight of ``configs/registry.yaml``: where it comes from, whether it is here, who may use it.

Reading the registry loads nothing heavy; ``export`` fetches and converts what it lists. The environment says
where files lie: ``VFR_ARTIFACTS`` (downloads, weights, reports; by default ``.artifacts`` in the checkout),
``VFR_WEIGHTS`` (the folder of ``file`` sources and of SMPL-X) ``HF_ENDPOINT`` (another hub for ``hf`` sources) and
``VFR_BODY`` (``anny`` or ``smplx``: which body is fitted).
"""

from bridge.registry.artifact import (
    UNPINNED,
    Artifact,
    FileSource,
    HfSource,
    HttpsSource,
    PypiSource,
    Source,
    Tier,
    WheelSource,
    artifacts_folder,
    check_licence,
    require,
    sha256_of,
    verify,
)
from bridge.registry.body import (
    Body,
    anny_fault,
    anny_path,
    chosen_body,
    chosen_body_fault,
    smplx_fault,
    smplx_path,
)
from bridge.registry.conversion import onnx_path, report_path
from bridge.registry.reading import Registry, load_registry
from bridge.registry.status import ModelStatus, model_statuses

__all__ = [
    "UNPINNED",
    "Artifact",
    "Body",
    "FileSource",
    "HfSource",
    "HttpsSource",
    "ModelStatus",
    "PypiSource",
    "Registry",
    "Source",
    "Tier",
    "WheelSource",
    "anny_fault",
    "anny_path",
    "artifacts_folder",
    "check_licence",
    "chosen_body",
    "chosen_body_fault",
    "load_registry",
    "model_statuses",
    "onnx_path",
    "report_path",
    "require",
    "sha256_of",
    "smplx_fault",
    "smplx_path",
    "verify",
]
