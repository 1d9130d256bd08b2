"""A fold's tensors as safetensors, each stored once, and back without copying.

Format: https://github.com/huggingface/safetensors: the length of a header in 8 bytes, the header in JSON, the data.
nnU-Net lists most tensors under up to four names; the further names stand in the header's metadata.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from onfh_nnunet.models.bounds import JSON_BYTES
from onfh_nnunet.models.model import Weights

_TYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16", "F64": "float64", "I64": "int64"}
_FURTHER = "further_names"


def to_safetensors(weights: Weights) -> bytes:
    """A file's content."""
    from safetensors.torch import save

    names = stored_names(weights)
    once = {name: tensor.contiguous() for name, tensor in weights.items() if names[name] == name}
    further = {name: stored for name, stored in names.items() if name != stored}
    content: bytes = save(once, metadata={_FURTHER: json.dumps(further)})  # more keys would come in any order
    return content


def from_safetensors(content: memoryview) -> dict[str, Any]:
    """The tensors of a file's content (writable, as a private map is); they share its memory.

    Raises:
        ValueError: It is damaged, or has a tensor of a kind that no network of nnU-Net has.
    """
    length = int.from_bytes(content[:8], "little")
    text = content[8 : 8 + length]
    if len(text) > JSON_BYTES:
        raise ValueError(f"a header of {length} bytes, expected up to {JSON_BYTES}")
    try:
        header = json.loads(bytes(text))
        further = json.loads(header.pop("__metadata__")[_FURTHER])
        data = content[8 + length :]
        tensors = {name: _tensor(data, **entry) for name, entry in header.items()}
        if twice := sorted(tensors.keys() & further.keys()):
            raise ValueError(f"two tensors of the name {twice[0]!r}")
        return tensors | {name: tensors[stored] for name, stored in further.items()}
    except (KeyError, TypeError, AttributeError, RuntimeError, OverflowError) as error:
        raise ValueError(f"holds no tensors ({error!r})") from error


def stored_names(weights: Weights) -> dict[str, str]:
    """For each name of a tensor the first one that names the same memory."""
    first: dict[tuple[int, tuple[int, ...]], str] = {}
    return {name: first.setdefault((tensor.data_ptr(), tensor.shape), name) for name, tensor in weights.items()}


def n_parameters(weights: Weights) -> int:
    """How many numbers a network consists of."""
    return sum(weights[name].numel() for name in set(stored_names(weights).values()))


def _tensor(data: memoryview, dtype: str, shape: Sequence[int], data_offsets: Sequence[int]) -> Any:
    import torch

    kind = getattr(torch, _TYPES[dtype])
    start, end = data_offsets
    if end - start != math.prod(shape) * kind.itemsize:
        raise ValueError(f"a tensor of shape {shape} in {end - start} bytes")
    return torch.frombuffer(data, dtype=kind, count=math.prod(shape), offset=start).reshape(tuple(shape))
