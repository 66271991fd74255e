"""The page of `w2l app` in a notebook: under a cell of Jupyter or Colab."""

from __future__ import annotations

from typing import Any

from w2l.app.server import Page
from w2l.app.settings import AppSettings
from w2l.base import paths

# Under the notebook's own host name: to a browser, localhost and 127.0.0.1 are two sites, and one that is shown inside
# the other gets no cookie.
_FRAME = """<iframe id="w2l-app-{port}" title="w2l app" width="100%" height="{height}"
  style="border: 0" allow="camera; microphone"></iframe>
<script>(() => {{
  const url = new URL("{url}");
  url.hostname = location.hostname;
  document.getElementById("w2l-app-{port}").src = url;
}})()</script>
<a href="{url}" target="_blank">{url}</a>"""


def show(height: int = 900, **settings: Any) -> Page:
    """Serves the page and shows it under the cell; returns it, so that it can be stopped.

    settings: see `AppSettings`; by default any free port. The page stays on this machine, and no public link is made:
    on Colab, Colab itself passes it on to the browser that shows the notebook.
    """
    page = Page(AppSettings(**{"port": 0, **settings})).start()
    if paths.platform() == "colab":
        from google.colab import output

        output.serve_kernel_port_as_iframe(page.port, height=str(height))
    else:
        from IPython.display import HTML, display

        display(HTML(_FRAME.format(url=page.url, port=page.port, height=height)))
    return page
