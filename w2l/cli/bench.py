"""The command that measures this machine: ``w2l bench``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from w2l.cli.arguments import add_threads, use_threads
from w2l.cli.command import Command

_MODULES = {
    "stages": "w2l.bench.stages",
    "generate": "w2l.bench.generate",
    "dub": "w2l.bench.end_to_end",
    "memory": "w2l.bench.memory",
    "data": "w2l.bench.data",
    "step": "w2l.bench.step",
}


def _add_bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what", nargs="?", choices=tuple(_MODULES), default="stages",
        help="stages: each stage of a dub by itself; generate: the generator on one core, beside plain PyTorch, "
        "onnxruntime and OpenVINO where they are installed; dub: a whole dub, compared with a plain implementation; "
        "memory: the memory of a dub; data: reading training windows, and step: a training step, both compared with a "
        "plain implementation (default: stages)",
    )  # fmt: skip
    parser.add_argument("--clip", type=Path, metavar="FILE", help="a clip to measure on (default: the bundled one)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    add_threads(parser)


def _run_bench(options: argparse.Namespace) -> None:
    use_threads(options.threads)
    from dataclasses import asdict
    from importlib import import_module

    bench = import_module(_MODULES[options.what])
    figures = bench.measure(options.clip)
    print(json.dumps(asdict(figures), indent=2) if options.json else bench.to_table(figures))


COMMANDS = (Command("bench", "measure speed and memory on this machine", _add_bench, _run_bench),)
