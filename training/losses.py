"""Losses for many tags at once, each in the notation of its paper. All take logits and give one value a track and tag.

z are logits, p = σ(z), y ∈ {0, 1} what is true, p_t = p where y = 1 and 1 - p elsewhere; n_i is how many training
tracks have tag i, N how many there are, C how many tags. Trained on is the sum over tags, its mean over the batch.

Sources: focal: Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, arXiv:1708.02002, eq. 5. Class-balanced:
Cui et al., CVPR 2019, arXiv:1901.05555, eq. 9 and section 4.3. Distribution-balanced: Wu et al., ECCV 2020,
arXiv:2007.09654, eq. 3 to 8. Asymmetric: Ridnik et al., ICCV 2021, arXiv:2009.14119, eq. 7. The parameters are those
of USC-SAIL (Knox et al., "Loss Function Approaches for Multi-label Music Tagging", CBMI 2021); the asymmetric loss has
Ridnik's.
"""

from abc import abstractmethod
from collections.abc import Sequence
from enum import StrEnum

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid


class LossName(StrEnum):
    """The losses, as the command line and a member's name spell them."""

    BCE = "bce"
    FOCAL = "focal"
    CB = "cb"
    DB = "db"
    DB_SAIL = "db-sail"
    ASYMMETRIC = "asymmetric"


class TagLoss(nn.Module):
    """A loss; `forward` gives one number for a batch."""

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Σ over tags, mean over tracks, of logits (n, C) and targets (n, C)."""
        return self.by_tag(z, y).sum(dim=1).mean()

    @abstractmethod
    def by_tag(self, z: Tensor, y: Tensor) -> Tensor:
        """The loss of each track and tag, shape (n, C)."""


class BinaryCrossEntropy(TagLoss):
    """-log p_t."""

    def by_tag(self, z: Tensor, y: Tensor) -> Tensor:
        """As the class says."""
        return -logsigmoid(_signed(z, y))


class Focal(TagLoss):
    """-α_t (1 - p_t)^γ log p_t, with α_t = α where y = 1 and 1 - α elsewhere; α None leaves it out."""

    def __init__(self, alpha: float | None = 0.25, gamma: float = 2.0) -> None:
        super().__init__()
        self.alpha, self.gamma = alpha, gamma

    def by_tag(self, z: Tensor, y: Tensor) -> Tensor:
        """As the class says."""
        signed = _signed(z, y)
        focal = _power(torch.sigmoid(-signed), self.gamma) * -logsigmoid(signed)
        return focal if self.alpha is None else (y * self.alpha + (1 - y) * (1 - self.alpha)) * focal


class ClassBalancedFocal(TagLoss):
    """w_i (1 - p_t)^γ (-log p_t), with w_i = (1 - β) / (1 - β^n_i), scaled so that Σ w_i = C."""

    def __init__(self, counts: Sequence[int], beta: float = 0.995, gamma: float = 2.0) -> None:
        super().__init__()
        # 1 - β^n is 0 for n = 0, and the tag would be all that counts: a tag that no track has gets the weight of 1.
        n = torch.tensor(counts, dtype=torch.float64).clamp(min=1)
        weights = (1 - beta) / (1 - beta**n) if beta else torch.ones_like(n)
        self.register_buffer("weights", (weights / weights.sum() * len(counts)).float())
        self.focal = Focal(None, gamma)

    def by_tag(self, z: Tensor, y: Tensor) -> Tensor:
        """As the class says."""
        return self.weights * self.focal.by_tag(z, y)


class DistributionBalancedFocal(TagLoss):
    """Rebalanced, negative-tolerant focal loss.

    Rebalancing: r̂_i = α̂ + σ(β̂ (r_i - μ̂)), with r_i = (1 / n_i) / Σ_{j: y_j = 1} 1 / n_j: how rare tag i is
    beside the track's own tags. Negative tolerance: where y = 0, z becomes λ (z - ν_i) and the loss is divided by λ;
    where y = 1, z - ν_i. ν_i = κ log(N / n_i - 1). On that, focal with α and γ.

    With ``tolerant_logits`` off negatives are divided by λ and their logits left alone, as USC-SAIL did.
    """

    def __init__(
        self,
        counts: Sequence[int],
        n_tracks: int,
        *,
        alpha: float | None = 0.25,
        gamma: float = 2.0,
        rebalance: tuple[float, float, float] | None = (0.1, 10.0, 0.2),  # α̂, β̂, μ̂; None leaves it out
        lam: float = 2.0,
        kappa: float = 0.0,
        tolerant_logits: bool = True,
    ) -> None:
        super().__init__()
        n = torch.tensor(counts, dtype=torch.float64).clamp(min=1)
        self.register_buffer("inverse", (1 / n).float())
        self.register_buffer("nu", (kappa * torch.log(n_tracks / n.clamp(max=n_tracks - 0.5) - 1)).float())
        self.focal = Focal(alpha, gamma)
        self.rebalance, self.lam, self.tolerant_logits = rebalance, lam, tolerant_logits

    def by_tag(self, z: Tensor, y: Tensor) -> Tensor:
        """As the class says."""
        z = z - self.nu
        if self.tolerant_logits:
            z = torch.where(y > 0, z, self.lam * z)
        loss = self.focal.by_tag(z, y) * torch.where(y > 0, 1.0, 1.0 / self.lam)
        if self.rebalance is None:
            return loss
        alpha, beta, mu = self.rebalance
        # A track without any tag: infinite, of which σ is 1.
        r = self.inverse / (y * self.inverse).sum(dim=1, keepdim=True)
        return (alpha + torch.sigmoid(beta * (r - mu))) * loss


class Asymmetric(TagLoss):
    """-(1 - p)^γ₊ log p where y = 1; -p_m^γ₋ log(1 - p_m) elsewhere, with p_m = max(p - m, 0)."""

    def __init__(self, gamma_positive: float = 0.0, gamma_negative: float = 4.0, margin: float = 0.05) -> None:
        super().__init__()
        self.gamma_positive, self.gamma_negative, self.margin = gamma_positive, gamma_negative, margin

    def by_tag(self, z: Tensor, y: Tensor) -> Tensor:
        """As the class says."""
        positive = _power(torch.sigmoid(-z), self.gamma_positive) * -logsigmoid(z)
        if not self.margin:  # stable for large logits, where 1 - p is 0
            return y * positive + (1 - y) * _power(torch.sigmoid(z), self.gamma_negative) * -logsigmoid(-z)
        p = (torch.sigmoid(z) - self.margin).clamp(min=0)
        return y * positive + (1 - y) * _power(p, self.gamma_negative) * -torch.log1p(-p)


def loss_named(name: LossName, counts: Sequence[int], n_tracks: int) -> TagLoss:
    """The loss with its usual parameters.

    Args:
        name: which.
        counts: how many training tracks have each tag, in the order of the outputs.
        n_tracks: how many training tracks there are.
    """
    if name is LossName.BCE:
        return BinaryCrossEntropy()
    if name is LossName.FOCAL:
        return Focal()
    if name is LossName.CB:
        return ClassBalancedFocal(counts)
    if name is LossName.ASYMMETRIC:
        return Asymmetric()
    return DistributionBalancedFocal(counts, n_tracks, tolerant_logits=name is LossName.DB)


def _signed(z: Tensor, y: Tensor) -> Tensor:
    """The logit of p_t."""
    return z * (2 * y - 1)


def _power(p: Tensor, gamma: float) -> Tensor:
    """p^γ, 1 for γ = 0 at p = 0, too, and without a gradient then."""
    return torch.ones_like(p) if gamma == 0 else p**gamma
