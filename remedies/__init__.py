"""What repairs a model: procedural training data, masked LoRA, and the proof of what they
change.
"""
