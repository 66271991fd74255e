"""The widgets of the notebooks, under one name: each works with mouse and keyboard, and none blocks the kernel."""

from w2l.notebook.blind import BlindTest
from w2l.notebook.clinic import DoctorPanel
from w2l.notebook.explorers import Comparator, MelExplorer, SyncExplorer, TrackExplorer
from w2l.notebook.recorder import Recorder
from w2l.notebook.training import Training, TrainingPanel
from w2l.notebook.upload import Upload

__all__ = [
    "BlindTest",
    "Comparator",
    "DoctorPanel",
    "MelExplorer",
    "Recorder",
    "SyncExplorer",
    "TrackExplorer",
    "Training",
    "TrainingPanel",
    "Upload",
]
