"""How good a try-on is, measured without any weights, and by networks where they are installed.

* :mod:`bridge.quality.report`: the JSON that travels with every picture, field by field.
* :mod:`bridge.quality.fitting`: what is scored.
* :mod:`bridge.quality.measures`: the scores that need no weights, each with its definition and range.
* :mod:`bridge.quality.placement`: leak and overpaint: is the garment where it belongs, and nowhere else.
* :mod:`bridge.quality.lines`: hem and neckline: unbroken, even, and where the body has them.
* :mod:`bridge.quality.learned`: the scores by networks, and what these are shown.
* :mod:`bridge.quality.faces`: faces as networks that recognise them want them.
* :mod:`bridge.quality.remarks`: what a person should know about this picture, in words.
* :mod:`bridge.quality.scorer`: the contract ``score``.
"""
