"""A model file is verified to the bit, carries every tensor as it is, and runs nothing."""

import doctest
import io
import json
import os
import pickle
import re
import shutil
import sys
import time
import tracemalloc
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from onfh_nnunet.core.errors import ModelError, WorkspaceError
from onfh_nnunet.models.model import Model, n_parameters
from onfh_nnunet.models.model_card import Card
from onfh_nnunet.models.model_file import BUNDLED_MODEL, ModelFile, load_model, write_model_file
from onfh_nnunet.models.tensor_file import TensorFile, write_tensor_file
from tests.helpers.model_forge import METADATA, forged, joined, split
from tests.helpers.small_model import DATASET, PLANS, small_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("model")


@pytest.fixture(scope="module")
def whole(folder):
    """The bytes of a model file of two folds."""
    write_model_file(folder / "whole.safetensors", small_model(0, 2), Card())
    return (folder / "whole.safetensors").read_bytes()


def bits(tensor):
    return tensor.contiguous().view(torch.uint8).numpy().tobytes()


def refuses(path, content, match=None):
    path.write_bytes(content)
    with pytest.raises(ModelError, match=match) as refusal:
        ModelFile.read(path)
    assert str(path) in refusal.value.subject
    assert refusal.value.remedy


def test_what_is_written_is_read(tmp_path):
    model = small_model(0, 2)
    written = write_model_file(tmp_path / "x.safetensors", model, Card())
    read = ModelFile.read(tmp_path / "x.safetensors")
    assert (read.model.plans, read.model.dataset) == (PLANS, DATASET)
    assert read.model.mirroring_axes == (0, 1)
    assert read.sha256 == written.sha256
    assert list(read.model.weights) == [0, 2]
    for fold, weights in model.weights.items():
        carried = read.model.weights[fold]
        assert set(carried) == set(weights)
        assert all(bits(carried[name]) == bits(tensor) for name, tensor in weights.items())
        assert all(carried[name].shape == tensor.shape for name, tensor in weights.items())


SHAPES = st.lists(st.integers(1, 4), max_size=4)


@settings(max_examples=50)
@given(shapes=st.lists(SHAPES, min_size=1, max_size=4), seed=st.integers(0, 2**32 - 1))
def test_tensors_of_any_bits_come_back(folder, shapes, seed):
    """Whatever the bits mean: denormals, negative zeros, infinities and NaN with any payload."""
    rng = np.random.default_rng(seed)
    sizes = [int(np.prod(shape)) * torch.float32.itemsize for shape in shapes]
    tensors = {
        f"t{i}": torch.from_numpy(np.frombuffer(rng.bytes(size), np.uint8).copy()).view(torch.float32).reshape(shape)
        for i, (size, shape) in enumerate(zip(sizes, shapes, strict=True))
    }
    write_tensor_file(folder / "tensors.safetensors", {"a": "b"}, tensors)
    file = TensorFile.open(folder / "tensors.safetensors")
    back = file.tensors()
    file.require_same_header()
    file.require_same_data(back.values())
    assert list(back) == list(tensors)
    for name, tensor in tensors.items():
        assert back[name].shape == tensor.shape
        assert bits(back[name].float().reshape(-1)) == bits(tensor.reshape(-1))
    theirs = safetensors.torch.load_file(folder / "tensors.safetensors")
    assert {name: bits(tensor.float().reshape(-1)) for name, tensor in theirs.items()} == {
        name: bits(tensor.reshape(-1)) for name, tensor in tensors.items()
    }


def test_shared_tensors_are_stored_and_counted_once(tmp_path):
    weights = small_model(0).weights[0]
    distinct = {tensor.data_ptr(): tensor for tensor in weights.values()}.values()
    assert len(distinct) < len(weights)
    numbers = sum(tensor.numel() for tensor in distinct)
    assert n_parameters(weights) == numbers
    read = write_model_file(tmp_path / "x.safetensors", small_model(0), Card()).model.weights[0]
    assert n_parameters(read) == numbers
    assert len({tensor.data_ptr() for tensor in read.values()}) == len(distinct)
    _, data = split((tmp_path / "x.safetensors").read_bytes())
    assert len(data) == 4 * numbers


def rounded_model():
    """A model all of whose weights are values of float16."""
    model = small_model(0)
    for tensor in model.weights[0].values():
        tensor.copy_(tensor.half())
    return model


def test_weights_of_half_precision_take_half_the_room_and_are_read_as_they_were(tmp_path):
    model, path = rounded_model(), tmp_path / "x.safetensors"
    read = write_model_file(path, model, Card()).model.weights[0]
    _, data = split(path.read_bytes())
    assert len(data) == 2 * n_parameters(model.weights[0])
    assert all(bits(read[name]) == bits(tensor) for name, tensor in model.weights[0].items())
    assert len({tensor.data_ptr() for tensor in read.values()}) < len(read)  # still shared


def test_one_weight_between_the_values_of_half_precision_keeps_all_as_they_are(tmp_path):
    model, path = rounded_model(), tmp_path / "x.safetensors"
    next(iter(model.weights[0].values())).view(-1)[0] = 1 + 2**-20
    read = write_model_file(path, model, Card()).model.weights[0]
    _, data = split(path.read_bytes())
    assert len(data) == 4 * n_parameters(model.weights[0])
    assert all(bits(read[name]) == bits(tensor) for name, tensor in model.weights[0].items())


def test_the_same_model_gives_the_same_bytes(tmp_path, whole):
    write_model_file(tmp_path / "x.safetensors", small_model(0, 2), Card())
    assert (tmp_path / "x.safetensors").read_bytes() == whole


@settings(max_examples=300)
@given(data=st.data())
def test_any_changed_bit_is_refused(folder, whole, data):
    place, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    changed = bytearray(whole)
    changed[place] ^= 1 << bit
    refuses(folder / "changed.safetensors", changed)


def parts(whole):
    """Where each kind of byte lies in a file."""
    end = 8 + int.from_bytes(whole[:8], "little")
    metadata = whole.index(b'"format":')
    entries = whole.index(b'},"fold_0/')
    text = whole.rindex(b"}", 0, end) + 1
    return {
        "length": range(8),
        "digest": range(8, metadata),
        "metadata": range(metadata, entries, 3),
        "entries": range(entries, text, 3),
        "padding": range(text, end),
        "tensors": range(end, len(whole), 5),
        "tail": range(len(whole) - 70, len(whole)),
    }


@pytest.mark.parametrize("kind", ["length", "digest", "metadata", "entries", "padding", "tensors", "tail"])
def test_any_changed_byte_is_refused(folder, whole, kind):
    places = parts(whole)[kind]
    for place in places:
        for bit in range(8) if len(places) < 20 else (place % 8, 5):  # bit 5 is that of upper and lower case
            changed = bytearray(whole)
            changed[place] ^= 1 << bit
            refuses(folder / "changed.safetensors", changed)


def test_each_part_of_a_file_is_there(whole):
    assert all(len(places) for kind, places in parts(whole).items() if kind != "padding")


@settings(max_examples=60)
@given(data=st.data())
def test_a_file_cut_off_or_lengthened_is_refused(folder, whole, data):
    refuses(folder / "short.safetensors", whole[: data.draw(st.integers(0, len(whole) - 1))])
    more = data.draw(st.binary(min_size=1, max_size=90))
    refuses(folder / "long.safetensors", whole + more)
    refuses(folder / "before.safetensors", more + whole)


def test_what_was_changed_is_named(tmp_path, whole):
    changed = bytearray(whole)
    changed[-100] ^= 1
    refuses(tmp_path / "x.safetensors", changed, r"was changed: the SHA-256 of its tensors is .*, expected")
    refuses(tmp_path / "x.safetensors", whole.replace(b'"licence', b'"licenCe'), "its header does not fit its digest")


def test_foreign_and_absent_files_are_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        ModelFile.read(tmp_path / "absent.safetensors")
    with pytest.raises(ModelError, match="cannot be read"):
        ModelFile.read(tmp_path)
    for content in (b"", b"PK", b"not a model at all" * 10, b"PK\5\6" + bytes(18)):
        refuses(tmp_path / "x.safetensors", content, "is not a model file")
    refuses(
        tmp_path / "x.safetensors", safetensors.torch.save({"a": torch.zeros(2)}), "is not a model file.* no metadata"
    )
    other = safetensors.torch.save({"a": torch.zeros(2)}, {"format": "pt"})
    refuses(tmp_path / "x.safetensors", other, "is not a model file.* it is of format pt")
    other = safetensors.torch.save({"a": torch.zeros(2)}, {"more": "b"})
    refuses(tmp_path / "x.safetensors", other, "is not a model file.* it states no format")


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems have no such names")
def test_name_that_the_library_cannot_open_is_named(tmp_path, whole):
    refuses(tmp_path / os.fsdecode(b"\xff.safetensors"), whole, "has a name that is not UTF-8.* Rename it")
    path = tmp_path / "H\u00fcfte links.safetensors"
    path.write_bytes(whole)
    assert ModelFile.read(path).model.weights


def zipped(members, **options):
    """A zip as any program writes it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", **options) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return target.getvalue()


def test_file_of_format_2_says_how_to_get_another(tmp_path):
    path = tmp_path / "x.safetensors"
    refuses(path, zipped([("plans.json", b"{}"), ("manifest.json", b"{}")]), "is a model file of format 2, expected")
    with pytest.raises(ModelError, match="Export it again with onfh export"):
        ModelFile.read(path)
    refuses(path, zipped([("archive/data.pkl", b"")]), "is not a model file of onfh export: it is a zip file")


def test_file_of_another_version_says_who_reads_it(tmp_path, whole):
    header, data = split(whole)
    newer = joined(header, data, format_version="99")
    refuses(tmp_path / "x.safetensors", newer, r"is of onfh-model version 99; this is onfh-nnunet .* reads version 3")
    refuses(tmp_path / "x.safetensors", joined(header, data, format="other"), "is of format other")


@pytest.mark.parametrize(
    ("manifest", "plans", "match"),
    [
        ({}, {}, "is not as its version says"),
        ({"mirroring_axes": None, "folds": [0]}, [1], "holds a list, expected"),
        ({"mirroring_axes": [7], "folds": []}, {}, "mirroring axes"),
        ({"mirroring_axes": None, "folds": []}, {}, "holds no card"),
        (Card().to_json() | {"mirroring_axes": None, "folds": []}, {}, "no fold"),
        ([], {}, "holds a list, expected an object"),
        ("{", {}, "manifest: is damaged"),
        ('{"folds": [], "folds": [0]}', {}, "it states a name twice"),
    ],
)
def test_file_without_a_model_is_refused(tmp_path, manifest, plans, match):
    refuses(tmp_path / "x.safetensors", forged(manifest, plans, {}, {}), match)


@pytest.mark.parametrize("name", ["manifest", "plans", "dataset"])
def test_metadata_that_is_missing_is_named(tmp_path, whole, name):
    header, data = split(whole)
    del header[METADATA][name]
    refuses(tmp_path / "x.safetensors", joined(header, data), f"has metadata without {name}")


BIAS = "fold_0/decoder.seg_layers.0.bias"


def lie(changed=None, more=None, data=None, text=None):
    """A file with one entry changed, further entries, other tensor bytes, or another text in its header."""

    def spoil(whole):
        header, content = split(whole)
        header[BIAS] |= changed or {}
        header |= more or {}
        metadata = header.pop(METADATA)
        written = json.dumps(header)
        return joined(text(written) if text else written, data(content) if data else content, **metadata)

    return spoil


def twice(text):
    entry = json.dumps({BIAS: json.loads(text)[BIAS]})[1:-1]
    return text.replace("{", "{" + entry + ", ", 1)


EMPTY = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
LIES = {
    "beyond the file": lie({"data_offsets": [10**9, 10**9 + 8]}),
    "over another": lie({"data_offsets": [8, 16]}),
    "larger than it is": lie({"data_offsets": [0, 12]}),
    "backwards": lie({"data_offsets": [8, 0]}),
    "negative offset": lie({"data_offsets": [-8, 0]}),
    "no offsets": lie({"data_offsets": None}),
    "a terabyte": lie({"shape": [2**38], "data_offsets": [0, 2**40]}),
    "more than can be counted": lie({"shape": [2**40, 2**40]}),
    "negative shape": lie({"shape": [-2]}),
    "fraction": lie({"shape": [2.0]}),
    "unknown type": lie({"dtype": "X"}),
    "smaller type": lie({"dtype": "F16"}),
    "other type": lie({"dtype": "I32"}),
    "other type and shape": lie({"dtype": "U8", "shape": [8]}),
    "packed type": lie({"dtype": "F4", "shape": [16]}),
    "other shape": lie({"shape": [1, 2]}),
    "no shape": lie({"shape": []}),
    "unknown tensor": lie(more={"fold_0/more": EMPTY}),
    "unknown fold": lie(more={"fold_1/more": EMPTY}),
    "no fold": lie(more={"more": EMPTY}),
    "entry that is none": lie(more={"more": 3}),
    "trailing bytes": lie(data=lambda data: data + b"\0"),
    "hole at the end": lie(data=lambda data: data + bytes(64)),
    "cut off": lie(data=lambda data: data[:-1]),
    "no tensors": lie(data=lambda data: b""),
    "twice": lie(text=twice),
    "metadata twice": lie(text=lambda text: text.replace("{", '{"__metadata__": {"a": "b"}, ', 1)),
    "metadata that is no text": lie(text=lambda text: text.replace("{", '{"a": {"__metadata__": 1}, ', 1)),
    "deep": lie(text=lambda text: text[:-1] + ', "a": ' + "[" * 200_000 + "]" * 200_000 + "}"),
    "not closed": lie(text=lambda text: text[:-1]),
    "more after the header": lie(text=lambda text: text + "x"),
    "not a number": lie(text=lambda text: text.replace("[", "[NaN, ", 1)),
    "half a character": lie(text=lambda text: text.replace("{", '{"\\ud800": {}, ', 1)),
}


def peak_kilobytes():
    if sys.platform != "linux":  # no such module, or another unit
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("name", LIES)
def test_lies_in_the_header_are_refused_before_memory_is_taken(tmp_path, whole, name):
    path = tmp_path / "x.safetensors"
    path.write_bytes(LIES[name](whole))
    tracemalloc.start()
    before = peak_kilobytes()
    with pytest.raises(ModelError) as refusal:
        ModelFile.read(path)
    assert tracemalloc.get_traced_memory()[1] < 20e6
    assert peak_kilobytes() - before < 100_000
    tracemalloc.stop()
    assert str(path) in refusal.value.subject
    assert "was changed" not in str(refusal.value)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 1000


@pytest.mark.parametrize("further", ["[]", "{", '{"fold_0/a": []}', '{"fold_0/a": null}', '{"a": "a"}', "[[[[{}]]]]"])
def test_further_names_that_name_nothing_are_refused(tmp_path, whole, further):
    header, data = split(whole)
    refuses(tmp_path / "x.safetensors", joined(header, data, further_names=further))


def test_nesting_without_end_is_refused(tmp_path):
    refuses(
        tmp_path / "x.safetensors", forged({"mirroring_axes": None, "folds": []}, "[" * 200_000, {}, {}), "is damaged"
    )


@dataclass
class Malice:
    target: str

    def __reduce__(self):
        return Path.touch, (Path(self.target),)


def test_a_planted_pickle_is_not_opened(tmp_path, whole):
    witness = tmp_path / "executed"
    malice = pickle.dumps(Malice(str(witness)))
    pickle.loads(malice)
    assert witness.exists()  # it works: and none of these runs it
    witness.unlink()
    refuses(tmp_path / "x.safetensors", zipped([("archive/data.pkl", malice)]))  # as torch.save writes it
    refuses(tmp_path / "x.safetensors", malice)
    header, _ = split(whole)
    refuses(tmp_path / "x.safetensors", joined(header, malice), "has tensors that are not as its header says")
    assert not witness.exists()


def forged_model(model):
    """A file that is whole in every hash, and of a model that `write_model_file` refuses."""
    about = Card().to_json() | {"mirroring_axes": model.mirroring_axes, "folds": list(model.weights)}
    return forged(about, model.plans, model.dataset, model.weights)


def test_a_plan_that_names_a_program_runs_none(tmp_path):
    """nnU-Net calls whatever the plan names as its nonlinearity."""
    from onfh_nnunet.models.network import build_network

    witness = tmp_path / "executed"
    program = {"args": [shutil.which("touch"), str(witness)]}
    model = small_model(0, nonlin="subprocess.Popen", nonlin_kwargs=program)
    with pytest.warns(ResourceWarning), pytest.raises(TypeError):
        build_network(model, model.weights[0])
    while not witness.exists():
        time.sleep(0.01)
    witness.unlink()
    refuses(tmp_path / "x.safetensors", forged_model(model), r"has nonlin 'subprocess\.Popen', expected None or")
    with pytest.raises(ModelError, match="has nonlin"):
        write_model_file(tmp_path / "y.safetensors", model, Card())
    assert not (tmp_path / "y.safetensors").exists()
    assert not witness.exists()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"network_class_name": "os.system"}, r"has network 'os\.system', expected dynamic_network"),
        ({"conv_op": ["torch.nn.Conv3d"]}, "has conv_op"),
        ({"preprocessor_name": "Mine"}, "has preprocessor 'Mine', expected DefaultPreprocessor"),
        ({"resampling_fn_data": "mine"}, "has resampling of data 'mine'"),
        ({"normalization_schemes": ["Mine"]}, "has normalisation 'Mine'"),
        ({"patch_size": [8, 8]}, "expected three of each"),
        ({"patch_size": [8, 8, -8]}, "expected three of each"),
        ({"spacing": [1.0, 0.0, 1.0]}, "expected above 0"),
        ({"architecture": {}}, "has plans of another form"),
    ],
)
def test_models_that_are_not_ours_to_run_are_refused(tmp_path, changes, match):
    refuses(tmp_path / "x.safetensors", forged_model(small_model(0, **changes)), match)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"channel_names": {"0": "T1", "1": "T2"}}, r"takes the channels .*'T2'.*, expected one"),
        ({"labels": {"background": 0, "femoral_head": 1, "necrosis": 2}}, "plain labels 0, 1, 2 are not regions"),
        ({"labels": {"background": 0, "prostate": [1, 2], "tumour": 2}}, "has labels .*prostate"),
        ({"labels": {"background": 0, "necrosis": 2, "femoral_head": [1, 2]}}, "has labels"),
        ({"regions_class_order": [2, 1]}, r"in the order \[2, 1\], expected"),
        ({"labels": None}, "has labels None"),
        ({"onfh_hip_box_mm": "large"}, "has onfh_hip_box_mm 'large', expected from 40 to 300 mm"),
        ({"onfh_hip_box_mm": float("inf")}, "has onfh_hip_box_mm inf"),
        ({"onfh_hip_box_mm": 4}, "has onfh_hip_box_mm 4"),
    ],
)
def test_models_of_other_channels_or_labels_are_refused(tmp_path, changes, match):
    model = small_model(0)
    other = Model(model.plans, {**model.dataset, **changes}, None, model.weights)
    refuses(tmp_path / "x.safetensors", forged_model(other), match)


def test_an_ignored_label_is_no_output(tmp_path):
    model = small_model(0)
    labels = {**model.dataset["labels"], "ignore": 3}
    write_model_file(
        tmp_path / "x.safetensors", Model(model.plans, {**model.dataset, "labels": labels}, None, model.weights), Card()
    )
    assert ModelFile.read(tmp_path / "x.safetensors").model.dataset["labels"] == labels


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_not_exported(tmp_path, value):
    model = small_model(0, 1)
    next(iter(model.weights[1].values())).view(-1)[3] = value
    with pytest.raises(ModelError, match="fold 1: has weights that are not finite, in encoder"):
        write_model_file(tmp_path / "x.safetensors", model, Card())
    assert list(tmp_path.iterdir()) == []


def test_a_loaded_model_is_its_own(tmp_path, whole):
    """What is done to the tensors does not reach the file, and a file put in its place does not reach the tensors."""
    path = tmp_path / "x.safetensors"
    path.write_bytes(whole)
    model = ModelFile.read(path).model
    model.weights[0]["decoder.seg_layers.0.bias"] += 1
    assert path.read_bytes() == whole
    before = {name: bits(tensor) for name, tensor in model.weights[2].items()}
    write_model_file(path, small_model(5), Card())
    assert {name: bits(tensor) for name, tensor in model.weights[2].items()} == before


def test_file_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        write_model_file(tmp_path / "file" / "x.safetensors", small_model(0), Card())


def test_a_checkpoint_that_carries_code_is_not_run(tmp_path):
    from onfh_nnunet.core.errors import TrainingError
    from onfh_nnunet.nnunet.checkpoint import load_checkpoint

    witness = tmp_path / "executed"
    torch.save({"network_weights": Malice(str(witness))}, tmp_path / "checkpoint_final.pth")
    with pytest.raises(TrainingError, match="cannot be opened safely"):
        load_checkpoint(tmp_path / "checkpoint_final.pth")
    assert not witness.exists()


def test_fold_that_the_model_lacks_is_refused():
    model = Model({}, {}, None, {0: {}, 1: {}})
    assert list(model.of_folds((1,)).weights) == [1]
    assert model.of_folds(None) is model
    with pytest.raises(ModelError, match="fold 3 is asked for"):
        model.of_folds((0, 3))


def test_weights_are_mapped_and_not_copied(tmp_path, whole):
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("only Linux lists the maps of a process")
    path = tmp_path / "mapped.safetensors"
    path.write_bytes(whole)
    model = ModelFile.read(path).model
    (line,) = [line for line in maps.read_text().splitlines() if line.endswith(str(path))]
    start, end, rights = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
    assert rights == "rw-p"  # private: what is written there does not reach the file
    for tensor in (tensor for weights in model.weights.values() for tensor in weights.values()):
        assert int(start, 16) <= tensor.data_ptr() < int(end, 16)


def test_the_bundled_model_is_the_default(tmp_path):
    assert load_model().sha256 == load_model(str(BUNDLED_MODEL)).sha256 == ModelFile.read(BUNDLED_MODEL).sha256
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(tmp_path / "absent")


def test_the_example_of_load_model_runs():
    (example,) = doctest.DocTestFinder().find(load_model, "load_model")
    assert doctest.DocTestRunner().run(example).failed == 0
