"""The command that serves the page for people who only want the result: ``w2l app``."""

from __future__ import annotations

import argparse

from w2l.app.settings import AppSettings
from w2l.cli.arguments import add_choices, add_threads, chosen, use_threads
from w2l.cli.command import Command


def _add_app(parser: argparse.ArgumentParser) -> None:
    add_choices(parser, AppSettings)
    add_threads(parser)


def _run_app(options: argparse.Namespace) -> None:
    settings = AppSettings(**chosen(options, AppSettings))
    use_threads(options.threads)
    from w2l.app.server import Page
    from w2l.app.visitors import log_file

    page = Page(settings)
    print(f"{page.url}\nconsent is kept in {log_file()}; Ctrl-C ends the page", flush=True)
    page.run()


COMMANDS = (Command("app", "serve a web page that makes dubs: a face, some speech, a video", _add_app, _run_app),)
