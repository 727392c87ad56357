"""Pairs of pictures that one encoder takes for the same and another does not (Tong et al. 2024,
section 2).
"""
