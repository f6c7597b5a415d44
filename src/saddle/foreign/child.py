"""Reads a .pt file for `reading.py`, as a process of its own without anything of saddle: `python -I child.py IN OUT`.

First it leaves the network, where the system lets it (a user and network namespace of its own, Linux), then it takes
memory for no more than the file can need, and only then it reads, with torch's unpickler of plain tensors.
"""

import ctypes
import os
import re
import resource
import sys

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
SPARE = 2 << 30  # bytes beyond what the program itself has taken
SECONDS = 300  # of the processor


def leave_network() -> bool:
    """Into namespaces without any network; a process with one thread can, where the system lets it."""
    try:
        return bool(ctypes.CDLL(None, use_errno=True).unshare(NEW_USER | NEW_NETWORK) == 0)
    except (OSError, AttributeError):
        return False


def tell(error: Exception) -> str:
    """One sentence; of torch's page on a refused pickle only what was found in it, not its advice to read it all."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
    if named := re.search(r"GLOBAL (\S+) was not an allowed global", text):
        return f"it names {named[1]}, which is code"
    if text.startswith("Weights only load failed"):
        return "torch's reader of plain tensors does not know what it is"
    return text.partition("\n")[0][:300] or type(error).__name__


def main() -> None:
    source, target = sys.argv[1:]
    apart = leave_network()
    import torch
    from safetensors.torch import save_file

    torch.set_num_threads(1)
    size = os.path.getsize(source)
    with open("/proc/self/statm") as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + SPARE + 4 * size,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * size + (1 << 20),) * 2)
    found: dict[str, torch.Tensor] = {}

    def collect(value: object, name: str, depth: int = 0) -> None:
        if isinstance(value, torch.Tensor):
            if value.layout != torch.strided or value.numel() * value.element_size() > size:
                raise ValueError(f"{name} claims {tuple(value.shape)} numbers, more than the file can hold")
            found[name] = value.detach().clone().contiguous()
        elif isinstance(value, dict) and depth < 4:
            for key, one in value.items():
                collect(one, f"{name}.{key}" if name else str(key), depth + 1)

    collect(torch.load(source, map_location="cpu", weights_only=True), "")
    if sum(t.numel() * t.element_size() for t in found.values()) > 2 * size:
        raise ValueError("its tensors claim more numbers than the file can hold")
    save_file(found, target, {"network": "none" if apart else "as usual"})


if __name__ == "__main__":
    try:
        main()
    except MemoryError:
        sys.exit("it needs more memory than its size allows")
    except Exception as error:
        sys.exit(tell(error))
