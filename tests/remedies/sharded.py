"""Two processes: sharded with FSDP2 on gloo, the adapted model learns as it does in one piece.

Run by test_launch.py.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from transformers import AutoModelForImageTextToText

from mimic_checks.attention import edit_attention
from mimic_checks.models.backends import BUILTIN_FOLDER
from remedies.lora import LoraOptions, with_lora


def loss_and_gradient(model, batch, options, token_map):
    with edit_attention(model, options.rules, token_map=token_map):
        logits = model(**batch, use_cache=False).logits
    loss = logits.float().logsumexp(-1).mean()
    loss.backward()
    return loss.detach(), {n: p.grad for n, p in model.named_parameters() if p.requires_grad}


def main() -> None:
    from tests.families.conftest import subject_of

    dist.init_process_group("gloo")
    subject = subject_of("builtin")
    options = LoraOptions(r=2, lora_dropout=0.0, mask="deep")

    def fresh():
        torch.manual_seed(0)
        return with_lora(
            AutoModelForImageTextToText.from_pretrained(BUILTIN_FOLDER, dtype=torch.float32),
            options,
        )

    whole_loss, whole = loss_and_gradient(fresh(), subject.batch, options, subject.map)
    model, mesh = fresh(), init_device_mesh("cpu", (2,))
    for layer in model.get_base_model().model.language_model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    loss, gradients = loss_and_gradient(model, subject.batch, options, subject.map)
    torch.testing.assert_close(loss, whole_loss, rtol=1e-5, atol=1e-6)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient.full_tensor(), whole[name], rtol=1e-3, atol=1e-6)
    print(f"rank {dist.get_rank()}: {len(gradients)} gradients agree")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
