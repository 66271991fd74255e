"""One training in several processes, as started by ``torchrun``.

Each process draws and computes its own part of every batch; gradients are summed over all of them before each update,
as DistributedDataParallel does, in one collective after the last backward pass. So two processes with half a batch each
take exactly the same steps as one process that accumulates the same two halves. Networks start equal, since each
process makes them from the same seed, and stay equal, since each applies the same update. Batch norm normalises by the
statistics of its own part in both cases; its running statistics are updated once a step, by the mean over all parts
(`batch_norm`), and so are equal everywhere too.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

_PATIENCE = timedelta(hours=1)  # the others wait while the first evaluates


def start(device: torch.device) -> torch.device:
    """Joins the other processes, if ``torchrun`` started any; returns this one's device."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    return device


def stop() -> None:
    """Leaves the group, if there is one."""
    if world() > 1:
        distributed.destroy_process_group()


def world() -> int:
    """How many processes there are."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def rank() -> int:
    """Which of them this is; the first, 0, writes files and messages."""
    return distributed.get_rank() if world() > 1 else 0


def add_up(tensors: Sequence[torch.Tensor]) -> None:
    """Replaces the tensors, of one dtype, by their sums over all processes."""
    if world() == 1 or not tensors:
        return
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    distributed.all_reduce(flat)
    parts = flat.split([tensor.numel() for tensor in tensors])
    torch._foreach_copy_(list(tensors), [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)])


def from_first(value: Any) -> Any:
    """The first process's value, in all of them."""
    if world() == 1:
        return value
    box = [value]
    distributed.broadcast_object_list(box)
    return box[0]


def anyone(flag: bool, device: torch.device) -> bool:
    """Whether the flag is set in any process."""
    if world() == 1:
        return flag
    raised = torch.tensor(int(flag), device=device)
    distributed.all_reduce(raised)
    return bool(raised)
