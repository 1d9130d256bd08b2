"""The network of a plan, as nnU-Net builds it in torch, with the weights of one fold."""

from __future__ import annotations

from typing import Any

from onfh_nnunet.errors import ModelError
from onfh_nnunet.model import Model, Weights
from onfh_nnunet.preset import CONFIGURATION


def network_of(model: Model, weights: Weights) -> Any:
    """A torch module in evaluation mode, without deep supervision, whose tensors are the weights themselves.

    Raises:
        ModelError: The weights do not fit the plan.
    """
    import torch
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
    from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    plans = PlansManager(dict(model.plans))
    configuration = plans.get_configuration(CONFIGURATION)
    with torch.device("meta"):  # the weights that are there become the network's: nothing is drawn, nothing copied
        network = get_network_from_plans(
            configuration.network_arch_class_name,
            configuration.network_arch_init_kwargs,
            configuration.network_arch_init_kwargs_req_import,
            determine_num_input_channels(plans, configuration, dict(model.dataset)),
            plans.get_label_manager(dict(model.dataset)).num_segmentation_heads,
            allow_init=False,
            deep_supervision=False,
        )
    try:
        network.load_state_dict(dict(weights), assign=True)
    except RuntimeError as error:
        raise ModelError("the model", "has weights that do not fit its plan", "Export it again") from error
    return network.eval()
