"""Sixteen GPUs of a Ray cluster, as often as needed: `python examples/scale/ray_train.py`.

Ray starts the processes and brings them together; each calls `train`, and where one is lost all are started again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

SHARED = Path("/shared")  # a disk that all machines see


def work(config: dict[str, Any]) -> None:
    """What each process does; all of them together train one run."""
    from saddle import train

    train(resume="auto", **config)


def main() -> None:
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    TorchTrainer(
        work,
        train_loop_config={"recipe": "r3gan", "data": SHARED / "photos", "out": SHARED / "runs/faces"},
        torch_config=TorchConfig(backend="cpu:gloo,cuda:nccl"),  # what is no gradient goes by the processors
        scaling_config=ScalingConfig(num_workers=16, use_gpu=True),
        run_config=RunConfig(
            name="faces", storage_path=str(SHARED / "ray"), failure_config=FailureConfig(max_failures=-1)
        ),
    ).fit()


if __name__ == "__main__":
    main()
