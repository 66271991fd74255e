"""Modules and names of version 0.1.0 that have moved: importing one under its old name says where it is now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

MOVED = {
    "w2l.batch": "w2l.dubbing.batch",
    "w2l.cli_dub": "w2l.cli.dub",
    "w2l.cli_evaluate": "w2l.cli.evaluate",
    "w2l.cli_learn": "w2l.cli.train",
    "w2l.cli_preprocess": "w2l.cli.preprocess",
    "w2l.cli_weights": "w2l.cli.weights",
    "w2l.credentials": "w2l.marking.credentials",
    "w2l.dataset": "w2l.data.windows",
    "w2l.demo": "w2l.dubbing.demo",
    "w2l.dub": "w2l.dubbing.dub",
    "w2l.evaluate.ablation": "w2l.evaluate.studies.ablation",
    "w2l.evaluate.ablation_runs": "w2l.evaluate.studies.ablation_runs",
    "w2l.evaluate.bootstrap": "w2l.evaluate.metrics.bootstrap",
    "w2l.evaluate.card": "w2l.evaluate.studies.card",
    "w2l.evaluate.classroom": "w2l.evaluate.held_out",
    "w2l.evaluate.clip": "w2l.sync.clip",
    "w2l.evaluate.experts": "w2l.sync.experts",
    "w2l.evaluate.frechet": "w2l.evaluate.metrics.frechet",
    "w2l.evaluate.mfcc": "w2l.sync.mfcc",
    "w2l.evaluate.mouth": "w2l.evaluate.metrics.mouth",
    "w2l.evaluate.page": "w2l.evaluate.report.page",
    "w2l.evaluate.quality": "w2l.evaluate.metrics.quality",
    "w2l.evaluate.robustness": "w2l.evaluate.studies.robustness",
    "w2l.evaluate.stretches": "w2l.sync.stretches",
    "w2l.evaluate.strips": "w2l.evaluate.report.strips",
    "w2l.evaluate.svg": "w2l.evaluate.report.figures",
    "w2l.fetch": "w2l.weights.download",
    "w2l.footage": "w2l.dubbing.footage",
    "w2l.lettering": "w2l.base.lettering",
    "w2l.mark": "w2l.marking.mark",
    "w2l.models.checkpoint": "w2l.weights.formats",
    "w2l.models.fused": "w2l.models.fast.kernels",
    "w2l.models.inference": "w2l.models.fast.generate",
    "w2l.parity": "w2l.dubbing.published",
    "w2l.paths": "w2l.base.paths",
    "w2l.pipeline": "w2l.base.parallel",
    "w2l.preprocess.sync": "w2l.sync.curve",
    "w2l.preview": "w2l.dubbing.preview",
    "w2l.redraw": "w2l.dubbing.stream",
    "w2l.registry": "w2l.weights.registry",
    "w2l.settings": "w2l.dubbing.settings",
    "w2l.sheet": "w2l.dubbing.contact_sheet",
    "w2l.speech": "w2l.dubbing.speech",
    "w2l.stamp": "tools.stamp",
    "w2l.store": "w2l.data.store",
    "w2l.talker.draw": "w2l.talker.drawn.draw",
    "w2l.talker.espeak": "w2l.talker.voices.espeak",
    "w2l.talker.espeak_process": "w2l.tts.espeak_process",
    "w2l.talker.identity": "w2l.talker.drawn.identity",
    "w2l.talker.lips": "w2l.talker.drawn.lips",
    "w2l.talker.pen": "w2l.talker.drawn.pen",
    "w2l.talker.phones": "w2l.talker.voices.phones",
    "w2l.talker.recording": "w2l.talker.voices.recording",
    "w2l.talker.render": "w2l.talker.drawn.render",
    "w2l.talker.viseme": "w2l.talker.visemes",
    "w2l.talker.voice": "w2l.talker.voices.formant",
    "w2l.talker.voices.espeak_process": "w2l.tts.espeak_process",
    "w2l.talker.words": "w2l.talker.voices.words",
    "w2l.train.checkpoints": "w2l.train.engine.checkpoints",
    "w2l.train.descent": "w2l.train.engine.learner",
    "w2l.train.distributed": "w2l.train.engine.distributed",
    "w2l.train.facts": "w2l.train.engine.metadata",
    "w2l.train.loader": "w2l.train.engine.loader",
    "w2l.train.log": "w2l.train.engine.log",
    "w2l.train.loop": "w2l.train.engine.loop",
    "w2l.train.precision": "w2l.train.engine.precision",
    "w2l.train.sanity": "w2l.train.engine.sanity",
    "w2l.train.task": "w2l.train.engine.trainer",
    "w2l.xmp": "w2l.marking.xmp",
}


RENAMED = {  # module that is still there -> a name that it had -> what to use instead
    "w2l.bench.data": {"Data": "w2l.bench.data.ReadingFigures"},
    "w2l.bench.step": {"Row": "w2l.bench.step.Way"},
    "w2l.cli": {
        "COMMANDS": "w2l.cli.main.COMMANDS",
        "Command": "w2l.cli.command.Command",
        "make_parser": "w2l.cli.main.make_parser",
    },
    "w2l.evaluate.rows": {"Row": "w2l.evaluate.rows.ClipRow"},
    "w2l.faces.detectors": {
        "FixedBox": "w2l.faces.FixedBox",
        "Hog": "w2l.faces.YuNet, which comes with w2l and finds more",
        "best_first": "w2l.faces.boxes.best_first",
        "find_yunet": 'w2l.weights.find("yunet")',
    },
    "w2l.faces.track": {
        "GAPS": "w2l.faces.GAPS",
        "Scene": "w2l.faces.Scene",
        "find_tracks": "w2l.faces.find_tracks",
        "see": "w2l.faces.see",
        "track_faces": "w2l.faces.track_faces",
    },
    "w2l.preprocess.clip": {"Settings": "w2l.preprocess.PreprocessSettings"},
    "w2l.preprocess.report": {"Report": "w2l.preprocess.PreprocessReport"},
    "w2l.preprocess.run": {"Job": "w2l.preprocess.run.StoreJob"},
    "w2l.train.data": {"Data": "w2l.train.data.TrainingData"},
    "w2l.train.expert": {"ExpertTask": "w2l.train.expert.ExpertTrainer"},
    "w2l.train.gan": {"GanTask": "w2l.train.gan.GanTrainer"},
    "w2l.train.generator": {"GeneratorTask": "w2l.train.generator.GeneratorTrainer"},
    "w2l.train.judge": {"accuracy": "w2l.sync.curve.accuracy", "curve": "w2l.sync.curve.pairs_curve"},
    "w2l.train.losses": {"pull": "w2l.train.losses.gradient_ratio"},
    "w2l.train.meter": {
        "MeterTask": "w2l.train.meter.MeterTrainer",
        "STILL": "w2l.evaluate.metrics.mouth.STILL",
        "correlation": "w2l.evaluate.metrics.mouth.correlation",
    },
}


class MovedModules:
    """A finder for `sys.meta_path`, called first: it answers old names with the new ones."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Raises ImportError for a module that has moved; a module of `RENAMED` is given an answer to its old names."""
        if name in MOVED:
            raise ImportError(f"{name} is now {MOVED[name]}.", name=name)
        if name not in RENAMED:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = partial(_execute, spec.loader.exec_module)  # type: ignore[method-assign]
        return spec


def _execute(plain: Callable[[ModuleType], None], module: ModuleType) -> None:
    """Runs the module, and lets it answer its old names."""
    plain(module)
    renamed = RENAMED[module.__name__]

    def answer(name: str) -> object:
        if name in renamed:
            raise ImportError(f"{module.__name__}.{name} is now {renamed[name]}.", name=module.__name__)
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

    vars(module).setdefault("__getattr__", answer)
