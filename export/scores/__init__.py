"""The networks of the learned scores, from the registry's files to models that Triton loads.

CLIP's image tower (Radford et al. 2021, arXiv:2103.00020), LPIPS on AlexNet (Zhang et al. 2018, arXiv:1801.03924),
LAION's aesthetic predictor (Schuhmann 2022) and AuraFace (fal 2024, after ArcFace, Deng et al. 2019, arXiv:1801.07698).
How large a network is, is read from its weights' shapes; what its contract says must hold.
"""
