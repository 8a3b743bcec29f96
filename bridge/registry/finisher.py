"""Whether a server has weights for the finisher of the tiers above basic, and what to do when it has none."""

NETWORK = "text_encode"
"""A model that every installed checkpoint brings to the repository, whatever else it is made of."""

MISSING = (
    "The finisher has no checkpoint. Fetch SDXL from huggingface.co (7 GB; licence: OpenRAIL++-M, for sale too) by "
    "`python -m export fetch sdxl_base`, install it by `python -m export sdxl --source sdxl_base --bucket 1024x1344 "
    "--precision fp16`, and start the server again."
)
