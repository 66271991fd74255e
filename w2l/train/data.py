"""What training learns from and starts from: clips of the synthetic talker or of a store, and earlier weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, overload

from torch import nn

from w2l import models
from w2l.data.clip import Clip
from w2l.data.corpus import corpus
from w2l.errors import W2LError
from w2l.faces.crop import CROP_SIZE
from w2l.models.blocks import Network
from w2l.models.grow import grow
from w2l.models.onnx_network import OnnxNetwork
from w2l.models.shorten import shorten
from w2l.models.syncnet import SyncNet
from w2l.models.wav2lip import Wav2Lip
from w2l.models.widen import widen
from w2l.talker.cast import Cast
from w2l.train.engine import distributed
from w2l.train.settings import TrainingConfig

if TYPE_CHECKING:
    from w2l.talker.photo.people import People

CORPUS = "w2l synthetic talker corpus"


@dataclass(frozen=True)
class TrainingData:
    """Clips to train on, clips of other speakers to validate on, and the name of the data."""

    train: Sequence[Clip]
    validation: Sequence[Clip]
    name: str


def open_data(
    store: Path | None,
    config: TrainingConfig,
    starts: int,
    progress: bool = True,
    people: People | None = None,
    size: int | None = None,
) -> TrainingData:
    """Clips of a store, or as many of the synthetic talker as `config` says; those too short are left out.

    starts: how many different windows a clip must have. people: whose photographs the talkers have; the bundled ones
    when left out. size: pixels of a side of the faces; None: of talkers 96, of a store what it has. If a store has no
    validation speakers, held-out numbers are measured on its training clips, and a message says so. With several
    processes, the first makes or reads the clips before the others read them. Raises W2LError when no clip is long
    enough, and for a store whose faces have another size.
    """
    if distributed.rank() == 0:
        data = _open(store, config, progress, people, size)
    distributed.from_first(None)
    if distributed.rank() > 0:
        data = _open(store, config, False, people, size)
    told = distributed.rank() == 0
    train_clips = _long_enough(data.train, starts, f"training clips of {data.name}", told)
    if len(data.validation) == 0:
        if told:
            print(f"{data.name} has no validation speakers: held-out numbers are measured on training clips.")
        return TrainingData(train_clips, train_clips[: config.validation_clips], data.name)
    return TrainingData(
        train_clips, _long_enough(data.validation, starts, f"validation clips of {data.name}", told), data.name
    )


def _long_enough(clips: Sequence[Clip], starts: int, what: str, told: bool) -> Sequence[Clip]:
    kept = [number for number, clip in enumerate(clips) if clip.starts >= starts]
    if not kept:
        raise W2LError(f"none of the {len(clips)} {what} is long enough for {starts} windows; preprocess more of them.")
    if len(kept) == len(clips):
        return clips
    if told:
        print(
            f"{len(clips) - len(kept)} of the {len(clips)} {what} are too short for {starts} windows and are left out."
        )
    return _Chosen(clips, kept)


class _Chosen(Sequence[Clip]):
    """Some of the clips of a sequence that opens each clip on access."""

    def __init__(self, clips: Sequence[Clip], numbers: list[int]) -> None:
        self._clips, self._numbers = clips, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, which: int) -> Clip: ...
    @overload
    def __getitem__(self, which: slice) -> Sequence[Clip]: ...
    def __getitem__(self, which: int | slice) -> Clip | Sequence[Clip]:
        if isinstance(which, slice):
            return _Chosen(self._clips, self._numbers[which])
        return self._clips[self._numbers[which]]


def _open(
    store: Path | None, config: TrainingConfig, progress: bool, people: People | None, size: int | None
) -> TrainingData:
    if store is None:
        manner = None if config.manner else False
        return _talkers(Cast(config.voices, config.looks, people, manner), config, progress, size or CROP_SIZE)
    if people is not None:
        raise W2LError("--people are the faces of the synthetic talker, and --data takes its place; give one of them.")
    from w2l.data.store import Store

    opened = Store(store)
    if size is not None and opened.size != size:
        raise W2LError(
            f"the faces of {store} have {opened.size} pixels and the generator's {size}; make a store of that size "
            f"(w2l preprocess --size {size}), or give --set size={opened.size}."
        )
    return TrainingData(opened.clips("train"), opened.clips("validation"), f"store {store.resolve().name}")


def _talkers(cast: Cast, config: TrainingConfig, progress: bool, size: int) -> TrainingData:
    """Clips of the synthetic talker; their name says whose photographs these are, unless all are drawn."""
    name = CORPUS if cast.looks == "drawn" else f"{CORPUS} with people {cast.faces().fingerprint()}"
    learned = corpus("train", config.train_clips, progress=progress, cast=cast, size=size)
    held_out = corpus("validation", config.validation_clips, progress=progress, cast=cast, size=size)
    return TrainingData(learned, held_out, name)


def load(name_or_path: str, network: str) -> Network:
    """Weights to start from or to judge with, by bundled or published name, weight file, or checkpoint.

    Raises W2LError as `models.load`, and for ONNX files.
    """
    loaded = models.load(name_or_path, network=network)
    if isinstance(loaded, OnnxNetwork):
        raise W2LError(f"{name_or_path} is ONNX, which cannot be trained; give the weights that it was made from.")
    return loaded


def load_start(name_or_path: str, network: str, width: float) -> nn.Module:
    """Weights to start from, widened to `width` (see `models.widen`); 0: as they are."""
    start = load(name_or_path, network)
    return widen(start, width) if width else start


def load_expert(name_or_path: str, width: float, frames: int) -> SyncNet:
    """An expert to start from: as `load_start`, its window cut to `frames` (see `models.shorten`) if it is longer."""
    start = load_start(name_or_path, "syncnet", width)
    assert isinstance(start, SyncNet)
    return shorten(start, frames) if start.frames > frames else start


def load_generator(name_or_path: str, width: float, size: int) -> Wav2Lip:
    """A generator to start from: as `load_start`, then grown to faces of `size` pixels (see `models.grow`) if its own
    are smaller."""
    start = load_start(name_or_path, "wav2lip", width)
    assert isinstance(start, Wav2Lip)
    return grow(start, size) if start.size < size else start
