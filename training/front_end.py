"""The pipeline's front end in PyTorch: batches of waveforms to compressed mel patches, on whatever device they are."""

import torch
from torch import Tensor, nn

from shared.front_end.mel import hann_window, mel_bank
from shared.front_end.spec import LOWEST_DB_POWER, FrontEnd

_LARGEST_FLOAT16 = 65_504.0


def n_samples_of(spec: FrontEnd, n_frames: int) -> int:
    """How many samples so many frames look at; the first of them is half a frame before the first frame's middle."""
    return (n_frames - 1) * spec.hop_length + spec.n_fft


class MelFrontEnd(nn.Module):
    """Computes what `shared.front_end.mel` computes, rounding and compression included."""

    def __init__(self, spec: FrontEnd) -> None:
        super().__init__()
        self.spec = spec
        self.register_buffer("window", torch.from_numpy(hann_window(spec).copy()))
        self.register_buffer("bank", torch.from_numpy(mel_bank(spec).copy()))

    def forward(self, samples: Tensor) -> Tensor:
        """Waveforms (n, n_samples_of(spec, frames)) to (n, frames, bands)."""
        frames = samples.unfold(1, self.spec.n_fft, self.spec.hop_length)
        spectra = torch.fft.rfft(frames * self.window)
        power = (spectra.real**2 + spectra.imag**2) @ self.bank
        if self.spec.transport == "float16":
            power = power.clamp(max=_LARGEST_FLOAT16).half().float()
        if self.spec.compression == "db":
            return 10.0 * torch.log10(power.clamp(min=LOWEST_DB_POWER))
        return torch.log10(10_000.0 * power + 1.0)
