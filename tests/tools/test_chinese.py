"""The Chinese notebooks are in step with the English ones; what is out of step is listed."""

from __future__ import annotations

import re
import shutil

import nbformat
import pytest
from helpers.places import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import chinese
from tools.stamp import stamp
from w2l.errors import W2LError

PAIRS = chinese.pairs()
each_notebook = pytest.mark.parametrize(("english", "path"), PAIRS.items(), ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture
def root(tmp_path):
    """A folder with one English notebook: title, code, a cell with a number and code, a solution."""
    said = new_output("stream", name="stdout", text="25\n")
    cells = [
        new_markdown_cell("# Title\n\n<!-- badges: notebooks/a.ipynb --><!-- /badges -->", id="t0"),
        new_code_cell("print(25)", id="c1", outputs=[said]),
        new_markdown_cell("It prints 25 with `print`.", id="t2"),
        new_markdown_cell("Solution\n```python\nx = 1\n```", id="t3", metadata={"tags": ["solution"]}),
    ]
    (tmp_path / "notebooks").mkdir()
    nbformat.write(new_notebook(cells=cells, metadata={"w2l": {"code": "abc"}}), tmp_path / "notebooks/a.ipynb")
    return tmp_path


def edit(path, **sources):
    """Gives cells other sources."""
    book = read(path)
    for cell in book.cells:
        cell.source = sources.get(cell.id, cell.source)
    nbformat.write(book, path)


def translate(root):
    chinese.main(["--write"], root)
    edit(
        root / "notebooks/zh/a.ipynb",
        t0="# 标题\n\n<!-- badges: notebooks/zh/a.ipynb --><!-- /badges -->",
        t2="用 `print` 打印 25。",
        t3="答案\n```python\nx = 1\n```",
    )
    return chinese.main(["--accept", "a"], root)


def listed(root, capsys, *arguments):
    capsys.readouterr()
    code = chinese.main(list(arguments), root)
    lines = capsys.readouterr().out.splitlines()
    assert code == bool(lines)
    return [line.removeprefix("notebooks/zh/a.ipynb: ") for line in lines]


def test_the_notebooks_are_in_step(capsys):
    """python -m tools.chinese says what to do where this fails."""
    code = chinese.main([])
    assert (code, capsys.readouterr().out) == (0, "")


def test_a_new_notebook_waits_for_its_translation(root, capsys):
    """With code and outputs already; --accept without a cell passes over what still stands in English."""
    expected = ["t0 (# Title) is not translated"]
    expected += ["t2 (It prints 25 with `print`.) is not translated"]
    expected += ["t3 (Solution ```python x = 1 ```) is not translated"]
    assert listed(root, capsys) == listed(root, capsys, "--write") == listed(root, capsys, "--accept", "a") == expected
    assert read(root / "notebooks/zh/a.ipynb") == read(root / "notebooks/a.ipynb")
    assert translate(root) == 0
    book = read(root / "notebooks/zh/a.ipynb")
    assert book.cells[1] == read(root / "notebooks/a.ipynb").cells[1]
    assert book.cells[3].metadata["tags"] == ["solution"]
    assert listed(root, capsys) == []


def test_changed_english_is_listed_until_accepted(root, capsys):
    """With what a translator has to look for; a number that changed is named."""
    translate(root)
    edit(root / "notebooks/a.ipynb", t2="It prints 26 with `print`.")
    expected = "t2 (It prints 26 with `print`.) has changed in English since it was translated"
    assert listed(root, capsys) == [f"{expected}; only in English: 26; only in Chinese: 25"]
    edit(root / "notebooks/zh/a.ipynb", t2="用 `print` 打印 26。")
    assert listed(root, capsys, "--write") == [expected]
    assert listed(root, capsys, "--accept", "a.ipynb:t2") == []


def test_a_translation_keeps_code_formulas_and_numbers(root, capsys):
    translate(root)
    edit(root / "notebooks/zh/a.ipynb", t2="用 `write` 打印 $x$。", t3="答案\n```python\nx = 2\n```")
    two, three = listed(root, capsys)
    assert two.endswith("says something else; only in English: 25, `print`; only in Chinese: $x$, `write`")
    assert three.startswith("t3 (")
    edit(root / "notebooks/a.ipynb", t2="It\nprints 25 with `print`.")
    assert "has changed" in listed(root, capsys)[0]


def test_code_outputs_order_and_settings_are_taken_over(root, capsys):
    translate(root)
    path = root / "notebooks/a.ipynb"
    book = read(path)
    book.cells[1].update(source="print(5**2)", outputs=[])
    book.cells = [book.cells[i] for i in (0, 2, 1)]
    book.metadata["w2l"]["code"] = "def"
    nbformat.write(book, path)
    assert listed(root, capsys) == ["t3 (答案 ```python x = 1 ```) is no longer there in English"]
    assert listed(root, capsys, "--write") == []
    taken = read(root / "notebooks/zh/a.ipynb")
    assert [cell.id for cell in taken.cells] == ["t0", "t2", "c1"]
    assert taken.cells[2] == book.cells[2]
    assert taken.metadata == book.metadata
    assert taken.cells[1].source == "用 `print` 打印 25。"
    book.metadata["w2l"]["code"] = "fed"
    nbformat.write(book, path)
    (told,) = listed(root, capsys)
    assert told == "code, outputs, order or tags are not the English notebook's; run python -m tools.chinese --write"


@pytest.mark.parametrize(
    ("name", "told"), [("b", "no notebook 'b'; those there are: a"), ("a:t9", "those there are: t0")]
)
def test_what_is_not_there_cannot_be_accepted(name, told, root, capsys):
    translate(root)
    assert chinese.main(["--accept", name], root) == 2
    assert told in capsys.readouterr().err


def test_nothing_is_accepted_before_it_is_written(root):
    with pytest.raises(W2LError, match="--write"):
        chinese._accept_named("a", root)


def test_a_stamped_copy_is_in_step(tmp_path, capsys):
    """The address is in both, each with its own path, and no translation counts as changed."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".*"))
    changed = stamp("someone/w2l@v1", tmp_path)
    for english, path in chinese.pairs(tmp_path).items():
        assert {english, path} <= set(changed)
        assert f"github/someone/w2l/blob/v1/notebooks/zh/{path.name}" in read(path).cells[0].source
        assert 'KIT = "w2l @ git+https://github.com/someone/w2l@v1"' in "".join(
            cell.source for cell in read(path).cells
        )
    assert chinese.main([], tmp_path) == 0, capsys.readouterr().out


@each_notebook
def test_frame(english, path):
    """Title, badges, the way to the English notebook, the table; at the end recap, questions, what comes next."""
    cells = read(path).cells
    first, last = cells[0].source, cells[-1].source
    assert first.startswith(f"# {path.stem[:2]} · ")
    assert f"<!-- badges: notebooks/zh/{path.name} -->" in first
    assert f"[English](../{path.name})" in first
    for row in ("你将学到", "你需要", "分钟数", "它会写出"):
        assert re.search(rf"^\| \*\*{row}\*\* \| \S.*\|$", first, re.MULTILINE), row
    assert "## 小结" in last
    questions = last.split("## 五个问题")[1].split("## 接下来")[0]
    assert re.findall(r"^(\d)\. ", questions, re.MULTILINE) == list("12345")
    assert ("**Predict" in str(read(english))) == any("**先预测" in cell.source for cell in cells)


@each_notebook
def test_links_lead_somewhere(english, path):
    for cell in read(path).cells:
        for target in re.findall(r"\]\((?!https?:)([^)\s#]+)[^)]*\)", cell.source):
            assert (path.parent / target).exists(), f"{cell.id}: {target}"


@each_notebook
def test_emphasis_is_shown(english, path):
    """Between Chinese letters and punctuation a star may stay a star: nothing is left of them but in code."""
    import markdown_it

    show = markdown_it.MarkdownIt().enable("table")
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            html = re.sub(r"<(pre|code)[ >].*?</\1>", "", show.render(cell.source), flags=re.DOTALL)
            assert "*" not in html, f"{cell.id}: {html[max(0, html.find('*') - 30) :][:60]}"
