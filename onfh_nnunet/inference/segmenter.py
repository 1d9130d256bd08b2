"""Segmentation of one hip: nnU-Net's preprocessing and resampling around an engine's network.

The patch is as large as a case, so that one usually holds the whole region; a larger region is covered by tiles at
nnU-Net's places and with its weights.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.core.labels import Label, Region
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.inference.engine import Engine
from onfh_nnunet.models.bounds import TILE_STEP
from onfh_nnunet.models.model import Model
from onfh_nnunet.study.preset import CONFIGURATION


class HipSegmenter:
    """A model and the engine that runs it.

    Args:
        model: The trained network.
        engine: Its folds.
        tta: Whether to average over the mirror images that training saw as well.

    Raises:
        ModelError: `tta` is asked of a model that was trained without mirroring.
    """

    def __init__(self, model: Model, engine: Engine, *, tta: bool = False) -> None:
        from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

        if tta and model.mirroring_axes is None:
            raise ModelError("`tta`", "has no mirror images to average: the model was trained without", "Leave it out")
        self._model, self.engine, self.hip_box_mm = model, engine, model.hip_box_mm
        self._mirrors = list(_subsets(model.mirroring_axes or ())) if tta else [()]
        self._plans = PlansManager(dict(model.plans))
        self._configuration = self._plans.get_configuration(CONFIGURATION)

    def probabilities(self, hip: Volume) -> NDArray[np.float32]:
        """The probability of each region in each voxel.

        Args:
            hip: Image of one hip (z, y, x) as `HipCrop.take` gives it, with its spacing.

        Returns:
            Array (2, z, y, x): head, necrosis; between 0 and 1.
        """
        import torch
        from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape

        dataset = dict(self._model.dataset)
        properties: dict[str, Any] = {"spacing": list(hip.grid.spacing_mm)}
        preprocessor = self._configuration.preprocessor_class(verbose=False)
        data, _, properties = preprocessor.run_case_npy(
            hip.array[None], None, properties, self._plans, self._configuration, dataset
        )
        _, probabilities = convert_predicted_logits_to_segmentation_with_correct_shape(
            torch.from_numpy(self._logits(data)),
            self._plans,
            self._configuration,
            self._plans.get_label_manager(dataset),
            properties,
            return_probabilities=True,
            num_threads_torch=torch.get_num_threads(),
        )
        return np.asarray(probabilities, np.float32)

    def _logits(self, data: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits (region, z, y, x) of preprocessed voxels (channel, z, y, x) of any size."""
        from acvl_utils.cropping_and_padding.padding import pad_nd_image

        size = tuple(self._configuration.patch_size)
        padded, inner = pad_nd_image(data, size, "constant", {"constant_values": 0}, return_slicer=True)
        if padded.shape[1:] == size:
            return self._patch(padded)[(slice(None), *inner[1:])]
        return self._tiled(padded, size)[(slice(None), *inner[1:])]

    def _tiled(self, data: NDArray[np.float32], size: tuple[int, ...]) -> NDArray[np.float32]:
        import torch
        from nnunetv2.inference.sliding_window_prediction import compute_gaussian, compute_steps_for_sliding_window

        weight = compute_gaussian(size, sigma_scale=1 / 8, value_scaling_factor=10, device=torch.device("cpu"))
        weight = weight.float().numpy()
        starts = compute_steps_for_sliding_window(data.shape[1:], size, TILE_STEP)
        total = np.zeros((len(Region), *data.shape[1:]), np.float32)
        weights = np.zeros(data.shape[1:], np.float32)
        for place in itertools.product(*starts):
            tile = tuple(slice(start, start + n) for start, n in zip(place, size, strict=True))
            total[(slice(None), *tile)] += self._patch(data[(slice(None), *tile)]) * weight
            weights[tile] += weight
        total /= weights
        return total

    def _patch(self, patch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The logits of one patch, averaged over its mirrored copies when test-time augmentation is on."""
        mirrored = (
            np.flip(self.engine.logits(np.ascontiguousarray(np.flip(patch, axes))), axes) for axes in self._mirrors
        )
        total = np.array(next(mirrored))
        for one in mirrored:
            total += one
        total /= np.float32(len(self._mirrors))
        return total


def labels_of(probabilities: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The label map (z, y, x) of probabilities (2, z, y, x): each region above one half, necrosis over head."""
    head, necrosis = (probabilities[channel] > 0.5 for channel, _ in enumerate(Region))
    return np.where(necrosis, Label.NECROSIS, head * Label.VIABLE_HEAD).astype(np.uint8)


def _subsets(axes: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Every subset of the mirror axes, the empty one first; axis 0 of the patch is its channel."""
    for count in range(len(axes) + 1):
        for some in itertools.combinations(axes, count):
            yield tuple(axis + 1 for axis in some)
