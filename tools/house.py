"""The house: its wings from the ground up. The map in the README and the test of imports are both made from this list.

A module imports only from its own wing and from wings listed before it here. In the clone:
python -m tools.house           prints where a module imports upward, or where the README's map is not this one
python -m tools.house --write   writes the map into README.md
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Each line: the wing, as a module path below w2l, and what is done in it. `evaluate.metrics` and `evaluate.held_out`
# come before `train`, so that training can measure with them; the rest of `evaluate` has its own line.
WINGS = {
    "errors": "the one error type: what was wrong, and what to do",
    "base": "where files live, atomic writes, threads and processes, the device, text in pictures",
    "video": "read and write clips, pictures and stickers",
    "audio": "sound to mel spectrogram, and which mel window belongs to which frame",
    "tts": "typed text to speech: espeak-ng and Piper voices",
    "weights": "from a name or path to a file: registry, folders, downloads, file formats",
    "models": "the networks, as published and narrow; `models/fast` makes them fast (skip it at first)",
    "marking": "the visible label, metadata, content credentials",
    "faces": "detect, follow, choose, crop and paste faces; read mouths",
    "talker": "the synthetic talker: `cast`, `voices`, `visemes`, `drawn` and `photo` (pictures), clips",
    "data": "training clips: corpus, store, augmentation, windows",
    "sync": "how late the sound is: experts, the offset curve, the sync of a clip",
    "evaluate.metrics": "measures of pictures and mouths, with intervals",
    "evaluate.held_out": "a generator measured on held-out talkers, for training and evaluation",
    "dubbing": "settings, footage, speech, the stream of stages, the dub; preview, batch, demo, contact sheet",
    "live": "a face that speaks while the sound is still coming in",
    "train": "expert, hearing, generator, GAN and meter, each with its step; `train/engine` loops, saves and resumes",
    "preprocess": "raw clips to a clip store",
    "evaluate": "clips and pairs measured; reports; studies (the paper's claims, robustness); the benchmark `truth`",
    "doctor": "why the loss stays at 0.69: a store is measured, causes are named; the clinic spoils stores on purpose",
    "bench": "speed and memory of this machine",
    "app": "the web page for people who only want the result: tabs, visitors and their files, access, the server",
    "cli": "the command line",
    "notebook": "what only a notebook needs: setup, widgets, plots, checks",
}
_BESIDE = {
    "notebooks/": "the course",
    "data/": "bundled weights with their model card, the face detector, the talker's head, presenter and speech",
    "docs/": "the site: guides, how it works, glossary, reference; the data card, ONNX files, the benchmark",
    "tests/": "laid out as w2l/ is; all of them run without the internet",
    "tools/": "what publishes the kit (this map, addresses, notebook outputs, the site), and the study on real people",
}
_MAP = re.compile(r"(?<=<!-- map -->\n).*?(?=<!-- /map -->)", re.DOTALL)


def wing(module: str) -> str:
    """The wing of a module: `w2l.evaluate.metrics.mouth` belongs to `evaluate.metrics`; `w2l` itself to none ("")."""
    parts = module.split(".")[1:]
    return next((name for n in (2, 1) if (name := ".".join(parts[:n])) in WINGS), ".".join(parts[:1]))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of everything that a file imports, wherever in the file; `from w2l import x` as `w2l.x`.

    Raises ValueError for a relative import: the kit writes w2l.… in full.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{path}:{node.lineno} imports relatively; write w2l.… in full.")
            base = node.module or ""
            for alias in node.names:
                inner = ROOT.joinpath(*base.split("."), alias.name)
                is_module = base.startswith("w2l") and (inner.is_dir() or inner.with_suffix(".py").is_file())
                yield node.lineno, f"{base}.{alias.name}" if is_module else base


def module_of(path: Path) -> str:
    """The dotted name of a file below the root."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def climbs(path: Path) -> list[str]:
    """Where a module of w2l imports from a wing above its own, as sentences."""
    order = list(WINGS)
    here = wing(module_of(path))
    if here in ("", "__main__"):
        return []  # the front door: it names every wing, and imports one only when it is used
    if here not in order:
        return [f"{path.name} is in no wing; add its wing in tools/house.py"]
    found = [(line, name) for line, name in imports(path) if name.split(".")[0] == "w2l" and name != "w2l"]
    unknown = [name for _, name in found if wing(name) not in order]
    return [f"{name} is in no wing" for name in unknown] + [
        f"{path.relative_to(ROOT)}:{line} imports {name} from a wing above its own"
        for line, name in found
        if name not in unknown and order.index(wing(name)) > order.index(here)
    ]


def circles(paths: list[Path]) -> list[list[str]]:
    """Modules that import each other in a circle, wherever in the files the imports are; each circle once."""
    known = {module_of(path): path for path in paths}
    arrows = {name: sorted({m for _, m in imports(path) if m in known} - {name}) for name, path in known.items()}
    rings, done = [], set[str]()

    def visit(name: str, trail: list[str]) -> None:
        if name in trail:
            rings.append(trail[trail.index(name) :])
        elif name not in done:
            for other in arrows[name]:
                visit(other, [*trail, name])
            done.add(name)

    for name in arrows:
        visit(name, [])
    return rings


def readme_map() -> str:
    """The map as the README shows it: a code block, one line for each wing and folder."""
    rows = {"w2l/" + name.replace(".", "/") + ("" if _is_file(name) else "/"): what for name, what in WINGS.items()}
    rows |= _BESIDE
    width = max(map(len, rows)) + 2
    return "```\n" + "".join(f"{name:{width}}{what}\n" for name, what in rows.items()) + "```\n"


def _is_file(name: str) -> bool:
    return not (ROOT / "w2l" / name.replace(".", "/")).is_dir()


def main() -> int:
    """Checks the house, or writes its map; returns 1 if something needs fixing."""
    parser = argparse.ArgumentParser(description="Check which wing imports which, and the README's map.")
    parser.add_argument("--write", action="store_true", help="write the map into README.md")
    options = parser.parse_args()
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf8")
    if options.write:
        readme.write_text(_MAP.sub(lambda _: readme_map(), text), encoding="utf8")
        return 0
    paths = sorted((ROOT / "w2l").rglob("*.py"))
    wrong = [climb for path in paths for climb in climbs(path)]
    wrong += [" -> ".join([*ring, ring[0]]) for ring in circles(paths)]
    wrong += [] if readme_map() in text else ["README.md shows another map; run python -m tools.house --write"]
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
