"""Model files in which every digest is right, whatever they say; written by safetensors' own library."""

import hashlib
import json

from safetensors.torch import save

from onfh_nnunet.models.model import stored_names

METADATA = "__metadata__"
VERSION = {"format": "onfh-model", "format_version": "3"}


def split(content):
    """The header and the tensor bytes of a file."""
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def joined(header, data, **metadata):
    """A file of this header and these tensor bytes, with its hashes; the header may be JSON text without metadata."""
    if isinstance(header, dict):
        metadata = {**header.get(METADATA, {}), **metadata}
        header = json.dumps({name: entry for name, entry in header.items() if name != METADATA})
    own = {"digest": 64 * "0", "data_sha256": hashlib.sha256(data).hexdigest()}
    texts = {name: text for name, text in metadata.items() if name not in own}
    first = json.dumps({METADATA: own | texts}, separators=(",", ":"))
    text = f"{first[:-1]}{',' if header != '{}' else ''}{header[1:]}".encode()
    start = len(text).to_bytes(8, "little") + text
    place = start.index(b'"digest":"') + len(b'"digest":"')
    digest = hashlib.sha256(start[:place] + start[place + 64 :]).hexdigest()
    return start[:place] + digest.encode() + start[place + 64 :] + data


def tensors_of(weights):
    """Header and data of the tensors of some folds, each once, and their further names."""
    tensors, further = {}, {}
    for fold, named in weights.items():
        for name, stored in stored_names(named).items():
            if name == stored:
                tensors[f"fold_{fold}/{name}"] = named[name].contiguous()
            else:
                further[f"fold_{fold}/{name}"] = f"fold_{fold}/{stored}"
    return *split(save(tensors)), further


def forged(manifest, plans, dataset, weights):
    """A file of these objects (or JSON texts) and weights."""
    header, data, further = tensors_of(weights)
    objects = {"plans": plans, "dataset": dataset, "further_names": further}
    if isinstance(manifest, dict):
        manifest = {"onfh_nnunet": "0.1.0"} | manifest
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in objects.items()}
    manifest = manifest if isinstance(manifest, str) else json.dumps(manifest)
    return joined(header, data, **VERSION, manifest=manifest, **texts)
