"""A model file is verified to the bit, carries every tensor as it is, and runs nothing."""

import io
import json
import pickle
import shutil
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_model import DATASET, PLANS, small_model

from onfh_nnunet.core.errors import ModelError, WorkspaceError
from onfh_nnunet.models.container import Archive, write_archive
from onfh_nnunet.models.model import Model
from onfh_nnunet.models.model_card import Card
from onfh_nnunet.models.model_file import Bundle, write_bundle
from onfh_nnunet.models.weights import from_safetensors, n_parameters, to_safetensors


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bundle")


@pytest.fixture(scope="module")
def whole(folder):
    """The bytes of a model file of two folds."""
    write_bundle(folder / "whole.onfh", small_model(0, 2), Card())
    return (folder / "whole.onfh").read_bytes()


def bits(tensor):
    return tensor.contiguous().view(torch.uint8).numpy().tobytes()


def refuses(path, content, match=None):
    path.write_bytes(content)
    with pytest.raises(ModelError, match=match) as refusal:
        Bundle.read(path)
    assert str(path) in refusal.value.case
    assert refusal.value.remedy


def test_what_is_written_is_read(tmp_path):
    model = small_model(0, 2)
    written = write_bundle(tmp_path / "x.onfh", model, Card())
    read = Bundle.read(tmp_path / "x.onfh")
    assert (read.model.plans, read.model.dataset) == (PLANS, DATASET)
    assert read.model.mirroring_axes == (0, 1)
    assert read.sha256 == written.sha256
    assert list(read.model.weights) == [0, 2]
    for fold, weights in model.weights.items():
        carried = read.model.weights[fold]
        assert set(carried) == set(weights)
        assert all(bits(carried[name]) == bits(tensor) for name, tensor in weights.items())
        assert all(carried[name].shape == tensor.shape for name, tensor in weights.items())


KINDS = st.sampled_from([torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64])
SHAPES = st.lists(st.integers(1, 4), max_size=4)


@settings(max_examples=50, deadline=None)
@given(kind=KINDS, shapes=st.lists(SHAPES, min_size=1, max_size=4), seed=st.integers(0, 2**32 - 1))
def test_tensors_of_any_bits_come_back(kind, shapes, seed):
    """Whatever the bits mean: denormals, negative zeros, infinities and NaN with any payload."""
    rng = np.random.default_rng(seed)
    sizes = [int(np.prod(shape)) * kind.itemsize for shape in shapes]
    tensors = {
        f"t{i}": torch.from_numpy(np.frombuffer(rng.bytes(size), np.uint8).copy()).view(kind).reshape(shape)
        for i, (size, shape) in enumerate(zip(sizes, shapes, strict=True))
    }
    tensors["again"] = tensors["t0"]
    back = from_safetensors(memoryview(bytearray(to_safetensors(tensors))))
    assert set(back) == set(tensors)
    for name, tensor in tensors.items():
        assert (back[name].dtype, back[name].shape) == (tensor.dtype, tensor.shape)
        assert bits(back[name].reshape(-1)) == bits(tensor.reshape(-1))
    assert back["again"].data_ptr() == back["t0"].data_ptr()


def test_shared_tensors_are_stored_and_counted_once(tmp_path):
    weights = small_model(0).weights[0]
    distinct = {tensor.data_ptr(): tensor for tensor in weights.values()}.values()
    assert len(distinct) < len(weights)
    numbers = sum(tensor.numel() for tensor in distinct)
    assert n_parameters(weights) == numbers
    header = int.from_bytes(to_safetensors(weights)[:8], "little")
    assert len(to_safetensors(weights)) == 8 + header + 4 * numbers


def test_the_same_model_gives_the_same_bytes(tmp_path, whole):
    write_bundle(tmp_path / "x.onfh", small_model(0, 2), Card())
    assert (tmp_path / "x.onfh").read_bytes() == whole


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_changed_bit_is_refused(folder, whole, data):
    place, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    changed = bytearray(whole)
    changed[place] ^= 1 << bit
    refuses(folder / "changed.onfh", changed)


def test_any_changed_byte_outside_the_tensors_is_refused(folder, whole):
    """Headers, names, directory, manifest and seal: where a change could be overlooked."""
    archive = zipfile.ZipFile(io.BytesIO(whole))
    first = archive.getinfo("fold_0.safetensors").header_offset
    manifest = archive.getinfo("manifest.json").header_offset
    for place in (*range(0, 200), *range(first, first + 200), *range(manifest, len(whole), 7)):
        changed = bytearray(whole)
        changed[place] ^= 0x20
        refuses(folder / "changed.onfh", changed)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_file_cut_off_or_lengthened_is_refused(folder, whole, data):
    refuses(folder / "short.onfh", whole[: data.draw(st.integers(0, len(whole) - 1))])
    more = data.draw(st.binary(min_size=1, max_size=90))
    refuses(folder / "long.onfh", whole + more)
    refuses(folder / "before.onfh", more + whole)


def test_the_changed_member_is_named(tmp_path, whole):
    place = zipfile.ZipFile(io.BytesIO(whole)).getinfo("fold_2.safetensors").header_offset + 500
    changed = bytearray(whole)
    changed[place] ^= 1
    refuses(tmp_path / "x.onfh", changed, r"member 'fold_2.safetensors': was changed: its SHA-256 is .*, expected")


def test_foreign_and_absent_files_are_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        Bundle.read(tmp_path / "absent.onfh")
    with pytest.raises(ModelError, match="cannot be read"):
        Bundle.read(tmp_path)
    for content in (b"", b"PK", b"not a model at all" * 10, b"PK\5\6" + bytes(18)):
        refuses(tmp_path / "x.onfh", content, "is no model file")


def zipped(members, **options):
    """A zip as any program writes it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", **options) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return target.getvalue()


@pytest.mark.parametrize(
    "name",
    ["../x.json", "/etc/x.json", "a/b.json", "C:\\x.json", "..\\x.json", "x.pkl", "data.pkl", "x.json/", "X.json"],
)
def test_names_that_are_more_than_a_members_name_are_refused(tmp_path, name):
    refuses(tmp_path / "x.onfh", zipped([(name, b"{}")]), "has a name unlike a model's members")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_there_twice_or_compressed_are_refused(tmp_path):
    twice = zipped([("plans.json", b"{}"), ("plans.json", b"[]")])
    refuses(tmp_path / "x.onfh", twice, "is there twice, expected once")
    bomb = zipped([("plans.json", bytes(10_000_000))], compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 20_000
    refuses(tmp_path / "x.onfh", bomb, r"declares 10000000 bytes in \d+, expected it stored")


def test_members_that_declare_more_than_there_is_are_refused(tmp_path):
    honest = bytearray(zipped([("plans.json", b"{}"), ("dataset.json", b"{}")]))
    for declared, match in ((4_000_000_000, "reach beyond the file"), (60, "or over another member")):
        for signature, sizes in ((b"PK\3\4", 18), (b"PK\1\2", 20)):
            start = honest.index(signature) + sizes
            honest[start : start + 8] = declared.to_bytes(4, "little") * 2
        refuses(tmp_path / "x.onfh", honest, match)


def sealed(path, manifest, members):
    """A file in which every hash is right, whatever it says."""
    write_archive(path, manifest, [(name, json.dumps(value).encode()) for name, value in members.items()])
    return path.read_bytes()


def test_file_of_another_version_says_who_reads_it(tmp_path):
    newer = sealed(tmp_path / "x.onfh", {"format_version": 99, "onfh_nnunet": "7.1"}, {})
    refuses(tmp_path / "x.onfh", newer, r"is onfh-model version 99, written by onfh-nnunet 7\.1; this is .* reads")
    other = sealed(tmp_path / "x.onfh", {"format": "other"}, {})
    refuses(tmp_path / "x.onfh", other, "is other version")


@pytest.mark.parametrize(
    ("manifest", "members", "match"),
    [
        ({}, {}, "is not as its version says"),
        ({"mirroring_axes": None, "folds": [0]}, {"plans.json": {}}, "KeyError"),
        ({"mirroring_axes": None, "folds": [0]}, {"plans.json": [1], "dataset.json": {}}, "holds a list, expected"),
        ({"mirroring_axes": [7], "folds": []}, {"plans.json": {}, "dataset.json": {}}, "mirroring axes"),
        ({"mirroring_axes": None, "folds": []}, {"plans.json": {}, "dataset.json": {}}, "holds no card"),
        (Card().to_json() | {"mirroring_axes": None, "folds": []}, {"plans.json": {}, "dataset.json": {}}, "no fold"),
    ],
)
def test_sealed_file_without_a_model_is_refused(tmp_path, manifest, members, match):
    refuses(tmp_path / "x.onfh", sealed(tmp_path / "x.onfh", manifest, members), match)


def header(text):
    return (400).to_bytes(8, "little") + text.encode().ljust(400) + bytes(36)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "Expecting value"),
        (b"\xff" * 40, "codec can't decode"),
        (header("[]"), "holds no tensors"),
        (header("{}"), "holds no tensors.*__metadata__"),
        (
            header('{"a":{"dtype":"F32","shape":[10],"data_offsets":[0,40]},"__metadata__":{"further_names":"{}"}}'),
            "buffer",
        ),
        (
            header('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,36]},"__metadata__":{"further_names":"{}"}}'),
            "in 36",
        ),
        (header('{"a":{"dtype":"X","shape":[9],"data_offsets":[0,36]},"__metadata__":{"further_names":"{}"}}'), "'X'"),
        (header('{"__metadata__":{"further_names":"{\\"a\\":\\"b\\"}"}}'), "KeyError.*b"),
    ],
)
def test_damaged_tensors_are_refused(content, match):
    with pytest.raises(ValueError, match=match):
        from_safetensors(memoryview(bytearray(content)))


def test_manifest_must_list_the_members(tmp_path, whole):
    without = zipped([(name, b"{}") for name in ("plans.json", "dataset.json")])
    refuses(tmp_path / "x.onfh", without, r"it has no manifest\.json")
    write_archive(tmp_path / "x.onfh", {}, [("plans.json", b"{}")])
    archive = Archive.read(tmp_path / "x.onfh")
    assert {name: bytes(content) for name, content in archive.members.items()} == {"plans.json": b"{}"}


def test_nesting_without_end_is_refused(tmp_path):
    write_archive(tmp_path / "x.onfh", {"mirroring_axes": None, "folds": []}, [("plans.json", b"[" * 200_000)])
    refuses(tmp_path / "x.onfh", (tmp_path / "x.onfh").read_bytes(), "is damaged")


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
    refuses(tmp_path / "x.onfh", zipped([("archive/data.pkl", malice)]))  # as torch.save writes it
    refuses(tmp_path / "x.onfh", malice)
    members = {name: zipfile.ZipFile(io.BytesIO(whole)).read(name) for name in ("plans.json", "dataset.json")}
    manifest = Card().to_json() | {"mirroring_axes": None, "folds": [0]}
    write_archive(tmp_path / "x.onfh", manifest, [*members.items(), ("fold_0.safetensors", malice)])
    refuses(tmp_path / "x.onfh", (tmp_path / "x.onfh").read_bytes(), "is not as its version says")
    with pytest.raises(ModelError, match="has a name unlike"):
        write_archive(tmp_path / "y.onfh", manifest, [*members.items(), ("data.pkl", malice)])
    assert not witness.exists()


def forged(path, model):
    """A file that is whole in every hash, and of a model that `write_bundle` refuses."""
    members = {"plans.json": json.dumps(model.plans).encode(), "dataset.json": json.dumps(model.dataset).encode()}
    folds = {f"fold_{fold}.safetensors": to_safetensors(weights) for fold, weights in model.weights.items()}
    about = Card().to_json() | {"mirroring_axes": model.mirroring_axes, "folds": list(model.weights)}
    write_archive(path, about, (members | folds).items())
    return path.read_bytes()


def test_a_plan_that_names_a_program_runs_none(tmp_path):
    """nnU-Net calls whatever the plan names as its nonlinearity."""
    from onfh_nnunet.models.network import network_of

    witness = tmp_path / "executed"
    program = {"args": [shutil.which("touch"), str(witness)]}
    model = small_model(0, nonlin="subprocess.Popen", nonlin_kwargs=program)
    with pytest.warns(ResourceWarning), pytest.raises(TypeError):
        network_of(model, model.weights[0])
    while not witness.exists():
        time.sleep(0.01)
    witness.unlink()
    refuses(
        tmp_path / "x.onfh", forged(tmp_path / "x.onfh", model), r"has nonlin 'subprocess\.Popen', expected None or"
    )
    with pytest.raises(ModelError, match="has nonlin"):
        write_bundle(tmp_path / "y.onfh", model, Card())
    assert not (tmp_path / "y.onfh").exists()
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
    refuses(tmp_path / "x.onfh", forged(tmp_path / "x.onfh", small_model(0, **changes)), match)


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
    refuses(tmp_path / "x.onfh", forged(tmp_path / "x.onfh", other), match)


def test_an_ignored_label_is_no_output(tmp_path):
    model = small_model(0)
    labels = {**model.dataset["labels"], "ignore": 3}
    write_bundle(
        tmp_path / "x.onfh", Model(model.plans, {**model.dataset, "labels": labels}, None, model.weights), Card()
    )
    assert Bundle.read(tmp_path / "x.onfh").model.dataset["labels"] == labels


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_not_exported(tmp_path, value):
    model = small_model(0, 1)
    next(iter(model.weights[1].values())).view(-1)[3] = value
    with pytest.raises(ModelError, match="fold 1: has weights that are not finite, in encoder"):
        write_bundle(tmp_path / "x.onfh", model, Card())
    assert list(tmp_path.iterdir()) == []


def test_a_loaded_model_is_its_own(tmp_path, whole):
    """What is done to the tensors does not reach the file, and a file put in its place does not reach the tensors."""
    path = tmp_path / "x.onfh"
    path.write_bytes(whole)
    model = Bundle.read(path).model
    model.weights[0]["decoder.seg_layers.0.bias"] += 1
    assert path.read_bytes() == whole
    before = {name: bits(tensor) for name, tensor in model.weights[2].items()}
    write_bundle(path, small_model(5), Card())
    assert {name: bits(tensor) for name, tensor in model.weights[2].items()} == before


def test_file_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        write_bundle(tmp_path / "file" / "x.onfh", small_model(0), Card())


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
