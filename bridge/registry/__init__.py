"""Every weight of ``configs/registry.yaml``: where it comes from, whether it is here, who may use it.

Reading the registry loads nothing heavy; ``export`` fetches and converts what it lists. The environment says
where files lie: ``VFR_ARTIFACTS`` (downloads, weights, reports; by default ``.artifacts`` in the checkout),
``VFR_WEIGHTS`` (the folder of ``file`` sources) and ``HF_ENDPOINT`` (another hub for ``hf`` sources).
"""

from bridge.registry.artifact import (
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
from bridge.registry.reading import Registry, load_registry
from bridge.registry.status import (
    ModelStatus,
    body_fault,
    body_path,
    model_statuses,
    onnx_path,
    report_path,
)

__all__ = [
    "Artifact",
    "FileSource",
    "HfSource",
    "HttpsSource",
    "ModelStatus",
    "PypiSource",
    "Registry",
    "Source",
    "Tier",
    "WheelSource",
    "artifacts_folder",
    "body_fault",
    "body_path",
    "check_licence",
    "load_registry",
    "model_statuses",
    "onnx_path",
    "report_path",
    "require",
    "sha256_of",
    "verify",
]
