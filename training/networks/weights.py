"""Layers as TensorFlow stored them, into PyTorch's and back: kernels time x frequency x channel x filter."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shared.models.bundle import Weights
from shared.models.published import BATCH_NORM_EPSILON

_NORM_ROLES: Final = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
# TensorFlow keeps 0.99 of its running statistics at each step, PyTorch calls the rest momentum.
NORM_MOMENTUM: Final = 0.01


def norm_1d(n: int) -> nn.BatchNorm1d:
    """A batch norm as TensorFlow has it."""
    return nn.BatchNorm1d(n, eps=BATCH_NORM_EPSILON, momentum=NORM_MOMENTUM)


def norm_2d(n: int) -> nn.BatchNorm2d:
    """A batch norm over channels of images."""
    return nn.BatchNorm2d(n, eps=BATCH_NORM_EPSILON, momentum=NORM_MOMENTUM)


def norm_name(number: int) -> str:
    """TensorFlow's name of its n-th batch norm: the first has no number."""
    return "batch_normalization" + (f"_{number}" if number else "")


def load_norm(norm: nn.Module, name: str, weights: Weights) -> None:
    """Set a batch norm."""
    for role, own in _NORM_ROLES.items():
        _set(getattr(norm, own), weights[f"{name}/{role}"])


def stored_norm(norm: nn.Module, name: str) -> dict[str, NDArray[np.float32]]:
    """A batch norm as TensorFlow would store it."""
    return {f"{name}/{role}": _array(getattr(norm, own)) for role, own in _NORM_ROLES.items()}


def load_layer(layer: nn.Module, name: str, weights: Weights) -> None:
    """Set a convolution or a dense layer."""
    kernel = weights[f"{name}/kernel"]
    if layer.weight.dim() == 4:
        kernel = kernel.transpose(3, 2, 0, 1)  # filters, channels, time, frequency
    elif layer.weight.dim() == 3:
        kernel = kernel[:, :, 0].transpose(2, 1, 0)  # filters, features, time: the kernel's width are the features
    else:
        kernel = kernel.T
    _set(layer.weight, kernel)
    _set(layer.bias, weights[f"{name}/bias"])


def stored_layer(layer: nn.Module, name: str) -> dict[str, NDArray[np.float32]]:
    """A convolution or a dense layer as TensorFlow would store it."""
    kernel = _array(layer.weight)
    if kernel.ndim == 4:
        kernel = kernel.transpose(2, 3, 1, 0)
    elif kernel.ndim == 3:
        kernel = kernel.transpose(2, 1, 0)[:, :, None]
    else:
        kernel = kernel.T
    return {f"{name}/kernel": np.ascontiguousarray(kernel), f"{name}/bias": _array(layer.bias)}


def merged(*parts: Mapping[str, NDArray[np.float32]]) -> Weights:
    """All of them."""
    return {name: array for part in parts for name, array in part.items()}


def _set(parameter: Tensor, values: NDArray[np.float32]) -> None:
    if tuple(parameter.shape) != values.shape:
        raise ValueError(f"the layer has shape {tuple(parameter.shape)}, the weights {values.shape}")
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.array(values, np.float32)))


def _array(parameter: Tensor) -> NDArray[np.float32]:
    return np.asarray(parameter.detach().cpu().numpy(), np.float32)
