"""The page under a cell: what Colab and Jupyter are given, in a process of its own, as a kernel is one."""

import os
import subprocess
import sys

import pytest

_CELLS = """
import sys, types, urllib.request
from IPython import display
shown = []
display.display = shown.append
from w2l.notebook.app import show

def look():
    page = show(height=700, max_seconds=5)
    answer = urllib.request.urlopen(page.url)
    page.stop()
    print(answer.status, answer.url.removeprefix(page.url), "SameSite=None" in answer.headers["set-cookie"], end=" ")
    return page

print(f'id="w2l-app-{look().port}"' in shown.pop().data)
output = types.ModuleType("google.colab.output")
output.serve_kernel_port_as_iframe = lambda port, height: shown.append((port, height))
colab = types.ModuleType("google.colab")
colab.output = output
sys.modules |= {"google": types.ModuleType("google"), "google.colab": colab, "google.colab.output": output}
print((look().port, "700") == shown.pop())
"""


def test_jupyter_and_colab_show_the_page_and_it_answers(tmp_path):
    pytest.importorskip("gradio")
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", _CELLS], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.splitlines() == ["200 en/ False True", "200 en/ True True"], done.stderr
    assert list(tmp_path.iterdir()) == []
