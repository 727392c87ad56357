"""Pairs of pictures that one encoder takes for the same and another does not, and how encoders do
on pairs that others found (Tong et al. 2024, section 2).
"""
