"""USC-SAIL's short-chunk CNN with residual connections: seven blocks, the last two of which take three frames to one.

Source: github.com/usc-sail/media-eval-2020 (train/model.py), after Won et al., "Evaluation of CNN-based Automatic Music
Tagging Models", SMC 2020. Layer names are theirs, so their checkpoints' names fit. Their mel filters are torchaudio's
(HTK's scale, without a norm); ours are those of the front end that the manifest names (librosa's).
"""

from typing import Final

import torch
from torch import Tensor, nn

from shared.front_end.spec import FrontEnd

PATCH_FRAMES: Final = 288  # their 73,600 samples, 4.6 s
SHORT_CHUNK_128: Final = FrontEnd(name="short_chunk_128", n_bands=128, compression="db", transport="float32")
FULL_WIDTH: Final = 128
_DROPOUT: Final = 0.5

_Stride = int | tuple[int, int]


class Res2d(nn.Module):
    """Two 3 x 3 convolutions with batch norms beside one; their sum, rectified."""

    def __init__(self, n_in: int, n_out: int, stride: _Stride) -> None:
        super().__init__()
        self.conv_1 = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1)
        self.bn_1 = nn.BatchNorm2d(n_out)
        self.conv_2 = nn.Conv2d(n_out, n_out, 3, padding=1)
        self.bn_2 = nn.BatchNorm2d(n_out)
        self.conv_3 = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1)
        self.bn_3 = nn.BatchNorm2d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """(n, n_in, bands, frames) to (n, n_out, bands / stride, frames / stride)."""
        inner = self.bn_2(self.conv_2(torch.relu(self.bn_1(self.conv_1(x)))))
        return torch.relu(self.bn_3(self.conv_3(x)) + inner)


class ShortChunkRes(nn.Module):
    """The network. With ``width`` 128 it is theirs: 11.96 million parameters for 56 tags."""

    def __init__(self, n_tags: int, width: int = FULL_WIDTH) -> None:
        super().__init__()
        self.spec_bn = nn.BatchNorm2d(1)
        self.layer1 = Res2d(1, width, 2)
        self.layer2 = Res2d(width, width, 2)
        self.layer3 = Res2d(width, 2 * width, 2)
        self.layer4 = Res2d(2 * width, 2 * width, 2)
        self.layer5 = Res2d(2 * width, 2 * width, 2)
        self.layer6_2_3 = Res2d(2 * width, 2 * width, (2, 3))
        self.layer7_2_3 = Res2d(2 * width, 4 * width, (2, 3))
        self.dense_1 = nn.Linear(4 * width, 2 * width)
        self.bn_1 = nn.BatchNorm1d(2 * width)
        self.dropout = nn.Dropout(_DROPOUT)
        self.dense_2 = nn.Linear(2 * width, n_tags)

    @property
    def blocks(self) -> list[Res2d]:
        """The seven blocks in their order."""
        return [
            *(self.layer1, self.layer2, self.layer3, self.layer4, self.layer5),
            *(self.layer6_2_3, self.layer7_2_3),
        ]

    @property
    def output(self) -> nn.Linear:
        """The layer whose bias says how frequent tags are before anything is heard."""
        return self.dense_2

    def convolved(self, mel: Tensor) -> Tensor:
        """What the blocks make of (n, frames, 128 bands) in dB: (n, 4 width, 1, frames / 288)."""
        x = self.spec_bn(mel.transpose(1, 2).unsqueeze(1))
        for block in self.blocks:
            x = block(x)
        return x

    def forward(self, mel: Tensor) -> Tensor:
        """Logits (n, tags)."""
        x = self.convolved(mel).amax(dim=(2, 3))
        return self.dense_2(self.dropout(torch.relu(self.bn_1(self.dense_1(x)))))
