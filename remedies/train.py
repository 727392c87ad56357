"""Training an adapter: transformers' `Trainer` on the data, under the mask.

The adapter's folder is one that plain peft loads, with the mask that it was trained under recorded
beside it, and `training.json`. Under `accelerate launch` the same call trains on several devices. A
killed training goes on from its last checkpoint when the same call is made again.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import Trainer, TrainerCallback, TrainingArguments, set_seed

import mimic_checks
from mimic_checks.attention.adapter_record import write_adapter_mask
from mimic_checks.attention.edit import edit_attention
from mimic_checks.errors import RemedyError
from mimic_checks.models import ModelOptions
from mimic_checks.models.backends import BUILTIN_FOLDER
from mimic_checks.models.device import choose_device, choose_dtype
from mimic_checks.models.loading import load
from mimic_checks.runs.hold import held
from mimic_checks.runs.whole_file import rename_whole, sweep_parts
from remedies.batches import IGNORE, Collator
from remedies.lora import LoraOptions, with_lora
from remedies.own_data import training_rows
from remedies.records import read_record, write_record

PLAIN = ModelOptions()
SAVED = "saved"
"""Folder of an adapter that is being written."""


def train_adapter(
    base: str, data: Path, out: Path, options: LoraOptions, model_options: ModelOptions = PLAIN
) -> Path:
    """Trains an adapter of `base` on the data in a folder; returns `out`, the adapter's folder.

    Raises:
        RemedyError: no data, an adapter trained otherwise in `out`, a base that peft cannot adapt,
            a loss that is no number.
        AttentionError: a mask outside the model, a family that cannot be looked into.
        ModelLoadError: the base does not load.
    """
    rows, image_root = training_rows(data)
    recipe = {
        "base": base,
        "data": str(data),
        "options": asdict(options),
        "suite": mimic_checks.__version__,
    }
    # Of several processes the first speaks for all.
    with held(out, "--out") if os.environ.get("RANK", "0") == "0" else nullcontext():
        sweep_parts(out)
        # Asked before anything is loaded: the same command given again costs no more than this.
        if not _finished(out, recipe):
            _train(base, rows, image_root, out, options, model_options, recipe)
    return out


def _train(
    base: str,
    rows: Any,
    image_root: Path,
    out: Path,
    options: LoraOptions,
    model_options: ModelOptions,
    recipe: dict[str, Any],
) -> None:
    set_seed(options.seed)  # an adapter starts at random
    source = str(BUILTIN_FOLDER) if base == "builtin" else base
    device = choose_device(model_options.device, torch)
    dtype = str(choose_dtype(model_options.dtype, device, torch)).removeprefix("torch.")
    # On the CPU first: the Trainer of every process places its own copy.
    model, processor, *_ = load(source, replace(model_options, device="cpu", dtype=dtype))
    model = with_lora(model, options)
    if options.gradient_checkpointing:
        # The embeddings are frozen: without this, no checkpointed layer would see a gradient.
        model.enable_input_require_grads()
    collator = Collator(processor, model.config, image_root)
    arguments = _arguments(out, options, device)
    if arguments.n_gpu > 1:
        raise RemedyError(
            f"one process sees {arguments.n_gpu} GPUs; start one process for each"
            f" (accelerate launch --num_processes {arguments.n_gpu} -m mimic_checks.cli"
            " remedy train ...), or show it one with CUDA_VISIBLE_DEVICES=0"
        )
    trainer = AdapterTrainer(
        model=model,
        args=arguments,
        train_dataset=rows,
        data_collator=collator,
        callbacks=[_Stopwatch()],
    )
    trainer.options = options
    checkpoint = _checkpoint(out)
    with _masked(model, options, processor.tokenizer):
        result = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    saved = out / SAVED
    trainer.save_model(str(saved))  # all processes: sharded weights are gathered
    if trainer.is_world_process_zero():
        losses = [[e["step"], e["loss"]] for e in trainer.state.log_history if "loss" in e]
        seconds = sum(entry.get("seconds", 0) for entry in trainer.state.log_history)
        record = {
            **recipe,
            "steps": result.global_step,
            "loss": _mean_loss(losses),
            "samples": len(rows),
            "seconds": round(seconds, 1),
            "resumed_from": checkpoint.name if checkpoint else None,
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "devices": trainer.args.world_size,
            "distributed": trainer.accelerator.distributed_type.value,
            "losses": losses,
        }
        _name_base(saved / "adapter_config.json", base)
        _put_in_place(saved, out)
        # Last of all: an adapter with this file is finished.
        write_record(out / "training.json", record)


def _mean_loss(losses: list[list[float]]) -> float:
    """Over all steps. Each entry is the mean since the one before; the Trainer's own figure leaves
    out what was before a kill."""
    steps = [0, *(step for step, _ in losses)]
    total = sum(loss * (step - steps[k]) for k, (step, loss) in enumerate(losses))
    return total / steps[-1] if losses else 0.0


def _name_base(path: Path, base: str) -> None:
    """Names the base as it was asked for: its folder on this machine says nothing elsewhere."""
    write_record(path, {**read_record(path), "base_model_name_or_path": base})


def _put_in_place(saved: Path, out: Path) -> None:
    """Gives the adapter's files their names, weights last: without them nobody takes the others for
    an adapter, and they are never there without their mask."""
    for file in sorted(saved.iterdir(), key=lambda file: file.suffix == ".safetensors"):
        rename_whole(file, out / file.name)
    saved.rmdir()


class AdapterTrainer(Trainer):  # type: ignore[misc] # (transformers is untyped)
    """`Trainer` with a loss over answer tokens only, and adapters that record their mask."""

    options: LoraOptions

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Mean cross-entropy over the answer tokens of the whole step."""
        labels: Tensor = inputs.pop("labels")  # [B, L]
        if not self.options.rules:
            inputs.pop("token_map", None)  # without a mask there is no hook to take it
        # Logits only where some row's next token is to be learned: of a vocabulary of 150,000, all
        # of them would take most of the memory.
        positions = (labels[:, 1:] != IGNORE).any(0).nonzero().flatten()
        outputs = model(**inputs, logits_to_keep=positions, use_cache=False)
        targets = labels[:, positions + 1]
        loss = torch.nn.functional.cross_entropy(
            outputs.logits.float().flatten(0, 1),
            targets.flatten(),
            ignore_index=IGNORE,
            reduction="sum",
        )
        if not torch.isfinite(loss):
            raise RemedyError(
                f"the loss is {loss.item()} at step {self.state.global_step};"
                f" checkpoints in {self.args.output_dir!r} are kept: start again with a lower"
                f" learning_rate (it is {self.options.learning_rate}), or with bf16 = false"
            )
        items = num_items_in_batch if num_items_in_batch is not None else (targets != IGNORE).sum()
        loss = loss / items
        if num_items_in_batch is not None and self.args.average_tokens_across_devices:
            # Gradients are averaged over processes, but `items` are the tokens of all of them.
            loss = loss * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        super()._save(output_dir, state_dict)
        # Beside every checkpoint as well: each is an adapter that may be served.
        for rule in self.options.rules if self.args.should_save else ():
            write_adapter_mask(
                Path(output_dir or self.args.output_dir), rule, mimic_checks.__version__
            )


class _Stopwatch(TrainerCallback):  # type: ignore[misc]
    """Adds the seconds since the last log to every log.

    A resumed training then knows how long it took in all. It logs whenever a checkpoint is written,
    so that no log spans a kill.
    """

    def __init__(self) -> None:
        self.began = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        control.should_log = control.should_log or control.should_save
        return control

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        now = time.monotonic()
        state.log_history[-1]["seconds"], self.began = now - self.began, now


def _masked(model: Any, options: LoraOptions, tokenizer: Any) -> AbstractContextManager[Any]:
    if not options.rules:
        return nullcontext()
    return edit_attention(model, options.rules, tokenizer=tokenizer)


def _arguments(out: Path, options: LoraOptions, device: str) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(out / "checkpoints"),
        per_device_train_batch_size=options.batch_size,
        gradient_accumulation_steps=options.gradient_accumulation_steps,
        learning_rate=options.learning_rate,
        lr_scheduler_type=options.lr_scheduler_type,
        warmup_steps=options.warmup_ratio,  # under 1, a share of all steps
        weight_decay=options.weight_decay,
        num_train_epochs=options.num_train_epochs,
        max_steps=options.max_steps,
        bf16=options.bf16,
        seed=options.seed,
        activation_checkpointing=options.gradient_checkpointing,
        activation_checkpointing_kwargs={"use_reentrant": False},
        save_steps=options.save_steps,
        save_total_limit=1,
        logging_steps=10,
        logging_nan_inf_filter=False,  # a loss that is no number must show
        report_to="none",
        remove_unused_columns=False,  # the collator reads columns that `forward` does not take
        train_sampling_strategy="group_by_length",
        length_column_name="length",
        use_cpu=device == "cpu",
        dataloader_pin_memory=False,
        ddp_find_unused_parameters=False,
        disable_tqdm=not sys.stderr.isatty(),
    )


def _finished(out: Path, recipe: dict[str, Any]) -> bool:
    """Whether `out` holds just this adapter already.

    Raises:
        RemedyError: it holds another one.
    """
    record = out / "training.json"
    if not record.is_file():
        # The recipe is written before the first step, so that a training that was killed is
        # continued by the same command alone.
        started = out / "recipe.json"
        if started.is_file() and read_record(started) != recipe:
            raise RemedyError(
                f"out={str(out)!r} holds the checkpoints of another training;"
                " give a new folder, or delete it"
            )
        out.mkdir(parents=True, exist_ok=True)
        write_record(started, recipe)
        return False
    old = read_record(record)
    if any(old.get(key) != value for key, value in recipe.items()):
        differs = next(key for key, value in recipe.items() if old.get(key) != value)
        raise RemedyError(
            f"out={str(out)!r} holds an adapter trained with another {differs};"
            " give a new folder, or delete it"
        )
    return True


def _checkpoint(out: Path) -> Path | None:
    """The newest checkpoint that is complete; the Trainer writes its state last, and not at
    once."""
    checkpoints = sorted(
        (out / "checkpoints").glob("checkpoint-*"),
        key=lambda path: int(path.name.rpartition("-")[2]),
    )
    complete = [path for path in checkpoints if _is_json(path / "trainer_state.json")]
    return complete[-1] if complete else None


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return True
