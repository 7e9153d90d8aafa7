"""One process, or several that train together: `torchrun` says which one we are."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import distributed as dist
from torch import nn

Item = TypeVar("Item")

_PATIENCE = timedelta(hours=24)  # the first process may compute features of a large data set while the others wait


@dataclass(frozen=True, slots=True)
class World:
    """Which process this is, of how many, and on which device it computes."""

    rank: int
    size: int
    device: "torch.device"

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """This process's part of a batch or of tracks."""
        return items[self.rank :: self.size]

    def together(self, network: nn.Module) -> nn.Module:
        """The network with gradients averaged over all processes."""
        return nn.parallel.DistributedDataParallel(network) if self.size > 1 else network

    def same_statistics(self, network: nn.Module) -> None:
        """Give every process the batch norms' statistics of the first one."""
        if self.size > 1:
            for buffer in network.buffers():
                dist.broadcast(buffer, 0)

    def gathered(self, own: Sequence[Item]) -> list[Item]:
        """Everybody's items in the order from which `share` took them."""
        if self.size == 1:
            return list(own)
        parts: list[Sequence[Item]] = [()] * self.size
        dist.all_gather_object(parts, own)
        found: list[Item] = [parts[i % self.size][i // self.size] for i in range(sum(map(len, parts)))]
        return found

    def wait(self) -> None:
        """Until every process is here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def world() -> Iterator[World]:
    """The processes that `torchrun` started, connected until the block ends; without it, this one alone."""
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if on_gpu else torch.device("cpu")
    if size == 1:
        yield World(0, 1, device)
        return
    if on_gpu:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if on_gpu else "gloo", timeout=_PATIENCE)
    try:
        yield World(rank, size, device)
    finally:
        dist.destroy_process_group()
