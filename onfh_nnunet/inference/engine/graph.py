"""OpenVINO graphs of nnU-Net's networks, built layer by layer from the torch modules.

OpenVINO's own converter traces the network, which takes seconds a fold, and may report its use over the network; the
few kinds of layers that nnU-Net's U-Nets consist of are quickly named instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import numpy as np
from dynamic_network_architectures.building_blocks.residual import BasicBlockD, StackedResidualBlocks
from dynamic_network_architectures.building_blocks.simple_conv_blocks import ConvDropoutNormReLU, StackedConvBlocks
from torch import nn

from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.core.no_telemetry import import_openvino

ov = import_openvino()
ops = ov.opset13

Node = Any  # an output of OpenVINO's graph: (batch, channel, z, y, x)


def build_graph(network: Any, shape: Sequence[int]) -> Any:
    """Build the OpenVINO model of an nnU-Net U-Net, plain or residual.

    Args:
        network: A torch module of `build_network`.
        shape: Of its input (batch, channel, z, y, x).

    Raises:
        ModelError: It has a layer of another kind.
    """
    patch = ops.parameter(list(shape), np.float32)
    return ov.Model([_unet(network, patch)], [patch])


def _unet(network: Any, patch: Node) -> Node:
    encoder, decoder = network.encoder, network.decoder
    node = patch if getattr(encoder, "stem", None) is None else _layer(encoder.stem, patch)
    skips = []
    for stage in encoder.stages:
        node = _layer(stage, node)
        skips.append(node)
    for up, stage, skip in zip(decoder.transpconvs, decoder.stages, skips[-2::-1], strict=True):
        node = _layer(stage, ops.concat([_layer(up, node), skip], 1))
    return _layer(decoder.seg_layers[-1], node)


@singledispatch
def _layer(layer: nn.Module, node: Node) -> Node:
    """Apply a torch module to a node."""
    problem = f"has a layer {type(layer).__name__} that the OpenVINO engine does not support"
    raise ModelError("the model", problem, "Use `engine` torch")


@_layer.register
def _(layer: nn.Sequential, node: Node) -> Node:
    for inner in layer:
        node = _layer(inner, node)
    return node


@_layer.register
def _(layer: ConvDropoutNormReLU, node: Node) -> Node:
    return _layer(layer.all_modules, node)


@_layer.register
def _(layer: StackedConvBlocks, node: Node) -> Node:
    return _layer(layer.convs, node)


@_layer.register
def _(layer: StackedResidualBlocks, node: Node) -> Node:
    return _layer(layer.blocks, node)


@_layer.register
def _(layer: BasicBlockD, node: Node) -> Node:
    if layer.apply_se or layer.apply_stochastic_depth:
        raise ModelError("the model", "has blocks that the OpenVINO engine does not support", "Use `engine` torch")
    residual = _layer(layer.skip, node) if isinstance(layer.skip, nn.Module) else node
    return _layer(layer.nonlin2, ops.add(_layer(layer.conv2, _layer(layer.conv1, node)), residual))


@_layer.register
def _(layer: nn.Conv3d, node: Node) -> Node:
    edge = list(layer.padding)
    result = ops.convolution(node, _shared(layer.weight), list(layer.stride), edge, edge, list(layer.dilation))
    return result if layer.bias is None else ops.add(result, _a_channel(layer.bias))


@_layer.register
def _(layer: nn.ConvTranspose3d, node: Node) -> Node:
    result = ops.convolution_backprop_data(node, _shared(layer.weight), list(layer.stride))
    return result if layer.bias is None else ops.add(result, _a_channel(layer.bias))


@_layer.register
def _(layer: nn.InstanceNorm3d, node: Node) -> Node:
    normal = ops.mvn(node, np.array([2, 3, 4]), True, layer.eps, "inside_sqrt")
    return ops.add(ops.multiply(normal, _a_channel(layer.weight)), _a_channel(layer.bias))


@_layer.register
def _(layer: nn.LeakyReLU, node: Node) -> Node:
    return ops.prelu(node, np.array([layer.negative_slope], np.float32))


@_layer.register
def _(layer: nn.AvgPool3d, node: Node) -> Node:
    kernel, stride = (np.broadcast_to(size, 3).tolist() for size in (layer.kernel_size, layer.stride))
    return ops.avg_pool(node, stride, [0, 0, 0], [0, 0, 0], kernel, True)


@_layer.register
def _(layer: nn.Identity, node: Node) -> Node:
    return node


def _shared(parameter: Any) -> Node:
    """A layer's weights as a constant that shares memory with the mapped file or torch; no copy."""
    return ops.constant(_value(parameter), shared_memory=True)


def _value(parameter: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    value: np.ndarray[Any, np.dtype[np.float32]] = parameter.detach().numpy()
    return value


def _a_channel(parameter: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """One value per channel, shaped to apply to a node."""
    return _value(parameter).reshape(1, -1, 1, 1, 1)
