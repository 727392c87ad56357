"""The family of `model_type="parrot_vl"`: how it writes images, so that it can be looked into."""

from mimic_checks.attention.families import Family

PARROT_VL = Family(
    language_model="model.language_model",
    projector="model.beak",
    opening="<picture>",
    closing="</picture>",
)
