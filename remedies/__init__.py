"""What repairs a model: training data made from a catalog, masked LoRA, and a proof of both."""
