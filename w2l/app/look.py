"""How the page looks: its style, and the pieces of HTML that show results."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path
from urllib.parse import quote

from w2l.app.visitors import Visitor
from w2l.app.words import LANGUAGES, Words
from w2l.app.work import Finished

STYLE = """
.gradio-container { max-width: 1180px !important; margin: 0 auto !important; padding: 12px !important; }
/* narrow on phones; a rule for them alone would not reach it, because gradio prefixes what stands in @media */
.gradio-container .app { padding: 8px clamp(4px, 8vw - 24px, 32px) !important; }
footer { display: none !important; }
.w2l-head { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 16px; }
.w2l-head h1 { font-size: 1.5rem; margin: 0; flex: 1 1 auto; }
.w2l-head p { flex: 1 1 100%; margin: 0; color: var(--body-text-color-subdued); }
.w2l-head a { white-space: nowrap; }
.w2l-step h2 { font-size: 1.1rem; margin: 4px 0 0; }
.w2l-hint { color: var(--body-text-color-subdued); font-size: .9rem; }
.w2l-hint p { margin: 0; }
.html-container { padding: 0 !important; }
#nobodies, #nobodies .grid-wrap, #nobodies .gallery-container { height: auto !important; min-height: 0 !important;
  max-height: none !important; }
#nobodies .thumbnail-item { aspect-ratio: 1; height: auto; }
#nobodies .grid-container { grid-template-rows: auto !important; grid-auto-rows: auto !important;
  grid-template-columns: repeat(5, minmax(0, 1fr)) !important; gap: 6px; }
.w2l-result video, .w2l-result img { width: 100%; max-height: 70vh; border-radius: 8px; display: block; }
.w2l-result video { background: #000; }
.w2l-result h3 { font-size: 1rem; margin: 12px 0 2px; }
.w2l-result ul { margin: 0; padding-left: 1.2em; }
.w2l-result pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; }
.w2l-empty { border: 1px dashed var(--border-color-primary); border-radius: 8px; padding: 48px 16px; text-align: center;
  color: var(--body-text-color-subdued); }
.w2l-error, .w2l-done, .w2l-note { border-left: 4px solid; border-radius: 4px; padding: 10px 14px; margin: 8px 0;
  overflow-wrap: anywhere; }
#live-nobodies { contain: inline-size; }
@media (max-width: 480px) {
  #pages > .tab-wrapper { contain: inline-size; }
  .tab-container button[role=tab] { padding: 0 11px !important; }
}
.w2l-live-screen { position: relative; max-width: 640px; }
.w2l-live-screen canvas { display: none; width: 100%; height: auto; border-radius: 8px; }
.w2l-live-on canvas { display: block; }
.w2l-live-on .w2l-empty { display: none; }
.w2l-live-said:not(:empty) { margin-bottom: 10px; }
.w2l-live-numbers { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 8px 0; align-items: center;
  font-variant-numeric: tabular-nums; color: var(--body-text-color-subdued); }
.w2l-live-numbers b { color: var(--body-text-color); font-size: 1.1rem; }
.w2l-live-numbers meter { width: 110px; vertical-align: middle; }
.w2l-error { border-color: #c0392b; background: #c0392b1a; }
.w2l-done { border-color: #2e7d32; background: #2e7d321a; }
.w2l-note { border-color: #b7791f; background: #b7791f1a; }
.w2l-download { display: inline-block; margin: 10px 0 4px; padding: 10px 18px; border-radius: 8px; font-weight: 600;
  background: var(--button-primary-background-fill); color: var(--button-primary-text-color) !important;
  text-decoration: none !important; }
"""


def head(words: Words) -> str:
    """The title, what the page is for, and the switch to the other language."""
    others = (
        f'<a href="../{code}/" lang="{code}">{name}</a>' for code, name in LANGUAGES.items() if code != words.code
    )
    title, intro = escape(words["title"]), escape(words["intro"])
    return f'<div class="w2l-head"><h1>{title}</h1>{" ".join(others)}<p>{intro}</p></div>'


def script(words: Words) -> str:
    """For the head of the page: gradio's own words in the page's language, whatever the browser's."""
    code = "zh-CN" if words.code == "zh" else "en"
    return (
        f"<script>Object.defineProperty(navigator, 'language', {{get: () => '{code}'}});"
        f"Object.defineProperty(navigator, 'languages', {{get: () => ['{code}']}});"
        f"document.documentElement.lang = '{code}';</script>"
    )


def empty(words: Words) -> str:
    """Where the result will be."""
    return f'<div class="w2l-empty">{escape(words["result_empty"])}</div>'


def error(text: str) -> str:
    """What went wrong."""
    return f'<div class="w2l-error" role="alert">{escape(text)}</div>'


def note(text: str) -> str:
    """What should be known."""
    return f'<div class="w2l-note" role="status">{escape(text)}</div>'


def done(text: str) -> str:
    """What went well."""
    return f'<div class="w2l-done" role="status">{escape(text)}</div>'


def result(made: Finished, visitor: Visitor, words: Words) -> str:
    """The video with its download, its marks, the notes and the contact sheet."""
    film, sheet = address(made.video, visitor), address(made.sheet, visitor)
    told = words("done", frames=made.result.n_frames, seconds=made.result.seconds["total"])
    notes = [words.sentence(text) for text in (*made.result.notes, *made.notes)]
    parts = [
        f'<video controls playsinline preload="auto" src="{film}"></video>',
        f'<a class="w2l-download" href="{film}" download="{escape(made.video.name)}">{escape(words["download"])}</a>',
        f'<div class="w2l-hint">{escape(told)}</div>',
        _listed(words["marked"], (words.sentence(text) for text in made.result.marked)),
        _listed(words["notes"], notes) if notes else "",
        f'<h3>{escape(words["sheet"])}</h3><a href="{sheet}" target="_blank"><img src="{sheet}" alt=""></a>',
    ]
    return f'<div class="w2l-result">{"".join(parts)}</div>'


def picture(path: Path, visitor: Visitor, words: Words) -> str:
    """The preview."""
    there = address(path, visitor)
    return (
        f'<div class="w2l-result"><h3>{escape(words["preview_title"])}</h3>'
        f'<a href="{there}" target="_blank"><img class="w2l-preview" src="{there}" alt=""></a>'
        f'<div class="w2l-hint">{escape(words["preview_help"])}</div></div>'
    )


def address(path: Path, visitor: Visitor) -> str:
    """Where the page finds a file of the visitor's folder."""
    return f"../mine/{quote(path.relative_to(visitor.folder).as_posix())}"


def _listed(title: str, items: Iterable[str]) -> str:
    return f"<h3>{escape(title)}</h3><ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"
