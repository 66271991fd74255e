"""A wider network that computes what a narrower, trained one does, so that training goes on instead of starting over.

The method is Net2WiderNet (Chen, Goodfellow and Shlens, *Net2Net*, ICLR 2016): channels are copied, and what reads a
copied channel shares its weights among the copies. They are shared unequally, since equal copies would stay equal.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from w2l import models
from w2l.errors import W2LError
from w2l.models.blocks import Network
from w2l.models.syncnet import SyncNet
from w2l.models.wav2lip import Wav2Lip

_LEAST_SHARE = 0.2  # of a weight's even share: a copy with next to none of it would learn next to nothing


def widen(network: Network, width: float, seed: int = 0) -> Network:
    """A copy of `width` whose outputs are the network's own, but for rounding; in eval mode, with the same `meta`.

    network: an expert or a generator. seed: of the unequal shares. Raises W2LError for another network, or if `width`
    is not above its own.
    """
    if not width > network.width:
        raise W2LError(f"a network of width {network.width:g} cannot be widened to {width:g}; give a larger width.")
    shares = torch.Generator().manual_seed(seed)
    wide: Network
    if isinstance(network, SyncNet):
        wide = models.build("syncnet", width, frames=network.frames)
        _widen_expert(network, wide, shares)
    elif isinstance(network, Wav2Lip):
        wide = models.build("wav2lip", width, size=network.size)
        _widen_generator(network, wide, shares)
    else:
        raise W2LError(f"a {type(network).__name__} cannot be widened; give an expert or a generator.")
    wide.meta = {**network.meta, "width": width}
    return wide.eval()


# Below, `narrow` and `wide` are the same block, or chain of blocks, of both networks. A channel map is a tensor: for
# each channel of the wide one the narrow one's channel that it copies.


def _widen_expert(narrow: Any, wide: Any, shares: torch.Generator) -> None:
    for old, new in ((narrow.face_encoder, wide.face_encoder), (narrow.audio_encoder, wide.audio_encoder)):
        copied = _widen_chain(old, new, _same_channels(old), shares)
        norm = new[-1].conv_block[1]
        with torch.no_grad():  # so that n copies of an embedding's number count as one in a product of embeddings
            root = copied.bincount()[copied].sqrt()
            norm.weight /= root
            norm.bias /= root


def _widen_generator(narrow: Any, wide: Any, shares: torch.Generator) -> None:
    copied, skips = _same_channels(narrow.face_encoder_blocks[0]), []
    for old, new in zip(narrow.face_encoder_blocks, wide.face_encoder_blocks, strict=True):
        copied = _widen_chain(old, new, copied, shares)
        skips.append(copied)
    copied = _widen_chain(narrow.audio_encoder, wide.audio_encoder, _same_channels(narrow.audio_encoder), shares)
    for old, new in zip(narrow.face_decoder_blocks, wide.face_decoder_blocks, strict=True):
        copied = _widen_chain(old, new, copied, shares)
        copied = torch.cat((copied, skips.pop() + copied.max() + 1))  # as `forward` joins them
    if narrow.detail is not None:
        seen = _widen_chain(
            [narrow.detail.encoder], [wide.detail.encoder], _same_channels([narrow.detail.encoder]), shares
        )
        read = torch.cat((copied, seen + copied.max() + 1))
        made = _widen_chain(narrow.detail.decoder, wide.detail.decoder, read, shares)
        _widen_last(narrow.detail.last, wide.detail.last, made, shares)
    copied = _widen_block(narrow.output_block[0], wide.output_block[0], copied, shares)
    _widen_last(narrow.output_block[1], wide.output_block[1], copied, shares)


def _widen_last(narrow: Any, wide: Any, copied: torch.Tensor, shares: torch.Generator) -> None:
    """Fills a layer whose output no width changes."""
    _share(narrow, wide, copied, torch.arange(narrow.out_channels), shares)


def _widen_chain(
    narrow: Iterable[Any], wide: Iterable[Any], copied: torch.Tensor, shares: torch.Generator
) -> torch.Tensor:
    """Fills blocks that follow each other; returns the channel map of their output."""
    for old, new in zip(narrow, wide, strict=True):
        copied = _widen_block(old, new, copied, shares)
    return copied


def _widen_block(narrow: Any, wide: Any, copied: torch.Tensor, shares: torch.Generator) -> torch.Tensor:
    """Fills a block that reads channels copied like this; returns the channel map of its output.

    Channel i copies channel i modulo the narrow count, so that a residual block's input and output fit each other.
    """
    (convolution, norm), (new_convolution, new_norm) = narrow.conv_block, wide.conv_block
    made = torch.arange(new_norm.num_features) % norm.num_features
    _share(convolution, new_convolution, copied, made, shares)
    for name, values in norm.state_dict().items():
        new_norm.state_dict()[name].copy_(values[made] if values.dim() else values)
    return made


def _share(narrow: Any, wide: Any, copied: torch.Tensor, made: torch.Tensor, shares: torch.Generator) -> None:
    """Fills a convolution: copies the channels `made`, and shares their weights among the copies that they read."""
    weight = narrow.weight.transpose(0, 1) if narrow.transposed else narrow.weight  # (out, in, H, W)
    part = _LEAST_SHARE + torch.rand(len(made), len(copied), generator=shares)
    part = part / (part @ (copied[:, None] == copied).float())
    weight = weight[made][:, copied] * part[:, :, None, None]
    with torch.no_grad():
        wide.weight.copy_(weight.transpose(0, 1) if narrow.transposed else weight)
        wide.bias.copy_(narrow.bias[made])


def _same_channels(blocks: Any) -> torch.Tensor:
    """The channel map of a chain's input, which no width changes."""
    return torch.arange(next(iter(blocks)).conv_block[0].in_channels)
