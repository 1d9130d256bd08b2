"""The image of one hip -> probabilities, through nnU-Net's own preprocessing, sliding window and resampling."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.devices import Device
from onfh_nnunet.errors import ModelError
from onfh_nnunet.labels import Label, Region
from onfh_nnunet.model import Model
from onfh_nnunet.preset import CONFIGURATION
from onfh_nnunet.volume import Volume


class HipSegmenter:
    """Folds of one network on one device, whose logits are averaged.

    Args:
        model: The trained network.
        device: A resolved device.
        tta: Whether to average over the mirror images that training saw as well.

    Raises:
        ModelError: `tta` is asked of a model that was trained without mirroring, or the weights do not fit the plan.
    """

    def __init__(self, model: Model, device: Device, *, tta: bool = False) -> None:
        import torch
        from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
        from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

        if tta and model.mirroring_axes is None:
            raise ModelError("--tta", "has no mirror images to average: the model was trained without", "Leave it out")
        plans = PlansManager(dict(model.plans))
        weights = list(model.weights.values())
        with contextlib.redirect_stdout(io.StringIO()):  # nnU-Net remarks that a CPU is no GPU
            self._predictor = nnUNetPredictor(use_mirroring=tta, device=torch.device(device), allow_tqdm=False)
        self._predictor.manual_initialization(
            _network(model, plans, weights[0]),
            plans,
            plans.get_configuration(CONFIGURATION),
            weights,
            dict(model.dataset),
            "nnUNetTrainer",
            model.mirroring_axes,
        )

    def probabilities(self, hip: Volume) -> NDArray[np.float32]:
        """How likely each voxel belongs to each region.

        Args:
            hip: Image of one hip (z, y, x) as `HipCut.take` gives it, with its spacing.

        Returns:
            Array (2, z, y, x): head, necrosis; between 0 and 1.
        """
        import torch
        from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape

        tool = self._predictor
        properties: dict[str, Any] = {"spacing": list(hip.grid.spacing_mm)}
        preprocessor = tool.configuration_manager.preprocessor_class(verbose=False)
        data, _, properties = preprocessor.run_case_npy(
            hip.array[None], None, properties, tool.plans_manager, tool.configuration_manager, tool.dataset_json
        )
        logits = tool.predict_logits_from_preprocessed_data(torch.from_numpy(data))
        _, probabilities = convert_predicted_logits_to_segmentation_with_correct_shape(
            logits,
            tool.plans_manager,
            tool.configuration_manager,
            tool.label_manager,
            properties,
            return_probabilities=True,
            num_threads_torch=torch.get_num_threads(),
        )
        return np.asarray(probabilities, np.float32)


def labels_of(probabilities: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The label map (z, y, x) of probabilities (2, z, y, x): each region above one half, necrosis over head."""
    head, necrosis = (probabilities[channel] > 0.5 for channel, _ in enumerate(Region))
    return np.where(necrosis, Label.NECROSIS, head * Label.VIABLE_HEAD).astype(np.uint8)


def _network(model: Model, plans: Any, weights: Any) -> Any:
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
    from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels

    configuration = plans.get_configuration(CONFIGURATION)
    network = get_network_from_plans(
        configuration.network_arch_class_name,
        configuration.network_arch_init_kwargs,
        configuration.network_arch_init_kwargs_req_import,
        determine_num_input_channels(plans, configuration, dict(model.dataset)),
        plans.get_label_manager(dict(model.dataset)).num_segmentation_heads,
        deep_supervision=False,
    )
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError("the model", "has weights that do not fit its plan", "Export it again") from error
    return network
