"""The behaviours: one pytest module per failure mode, run on a model with `pytest --pyargs
mimic_checks.checks`.
"""
