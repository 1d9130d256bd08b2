"""The network of a plan, as nnU-Net builds it in torch, with the weights of one fold."""

from __future__ import annotations

from typing import Any

from onfh_nnunet.errors import ModelError
from onfh_nnunet.model import Model, Weights
from onfh_nnunet.preset import CONFIGURATION


def network_of(model: Model, weights: Weights) -> Any:
    """A torch module in evaluation mode, without deep supervision.

    Raises:
        ModelError: The weights do not fit the plan.
    """
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
    from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    plans = PlansManager(dict(model.plans))
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
        network.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise ModelError("the model", "has weights that do not fit its plan", "Export it again") from error
    return network.eval()
