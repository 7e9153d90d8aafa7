"""Against what is known of USC-SAIL's network: 11.96 million parameters, 1,211 frames, 288 frames down to one."""

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `training` (make setup-training)")

from training.networks.short_chunk import PATCH_FRAMES, SHORT_CHUNK_128, ShortChunkRes  # noqa: E402

CHANNELS = [128, 128, 256, 256, 256, 256, 512]
FRAMES = [144, 72, 36, 18, 9, 3, 1]
BANDS = [64, 32, 16, 8, 4, 2, 1]
RECEPTIVE_FIELD_FRAMES = 1211


def test_network_for_56_tags_has_11_96_million_parameters() -> None:
    n = sum(parameter.numel() for parameter in ShortChunkRes(56).parameters())

    assert round(n / 1e6, 2) == 11.96


def test_blocks_have_the_published_shapes_for_a_crop_of_288_frames() -> None:
    network = ShortChunkRes(56).eval()
    assert (PATCH_FRAMES, SHORT_CHUNK_128.n_bands) == (288, 128)
    x = torch.zeros(1, 1, SHORT_CHUNK_128.n_bands, PATCH_FRAMES)

    shapes = []
    with torch.no_grad():
        for block in network.blocks:
            x = block(x)
            shapes.append(tuple(x.shape[1:]))

    assert shapes == list(zip(CHANNELS, BANDS, FRAMES, strict=True))
    assert network(torch.zeros(2, PATCH_FRAMES, 128)).shape == (2, 56)


def test_one_frame_of_the_last_block_sees_1211_frames() -> None:
    network = ShortChunkRes(3, width=2).eval()
    for module in network.modules():  # every ReLU open: the gradient then is where there is a path
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.constant_(module.weight, 0.1)
            torch.nn.init.constant_(module.bias, 1.0)
    mel = torch.ones(1, 2880, 128, requires_grad=True)

    network.convolved(mel)[0, 0, 0, 5].backward()

    assert mel.grad is not None
    seen = torch.nonzero(mel.grad.abs().sum(dim=(0, 2))).ravel()
    assert int(seen[-1] - seen[0]) + 1 == len(seen) == RECEPTIVE_FIELD_FRAMES


@pytest.mark.parametrize("width", [4, 16])
def test_narrow_network_has_the_same_shape_in_small(width: int) -> None:
    network = ShortChunkRes(5, width=width)

    assert [block.conv_1.out_channels for block in network.blocks] == [n * width // 128 for n in CHANNELS]
    assert network(torch.randn(2, PATCH_FRAMES, 128)).shape == (2, 5)


def test_longer_patch_is_pooled_over_time() -> None:
    assert ShortChunkRes(5, width=4)(torch.randn(2, 3 * PATCH_FRAMES, 128)).shape == (2, 5)
