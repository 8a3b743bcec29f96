"""Where the project's own folders lie: this package is used from a checkout, or from an image with the same layout."""

from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
"""The project's root."""

REPOSITORY = CHECKOUT / "model_repository"
"""What Triton reads."""

CONFIGS = CHECKOUT / "configs"
"""Settings that are files: the registry of weights, how models run on a card."""


def has(repository: Path, model: str) -> bool:
    """Tell whether Triton would find a model in a repository: whether its configuration lies there."""
    return (repository / model / "config.pbtxt").is_file()
