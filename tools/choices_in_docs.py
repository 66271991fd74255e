"""The site's reference shows a choice as what it means and its default, not as the call that declares it.

mkdocstrings reads the code without importing it, and hands every attribute to this extension (mkdocs.yml).
"""

from __future__ import annotations

import ast
from typing import Any

import griffe


class Choices(griffe.Extension):
    """Gives each field declared with `choice`, or `_with_default`, its default as value and its help as docstring."""

    def on_attribute(self, *, attr: griffe.Attribute, **kwargs: Any) -> None:
        """attr: a field whose value may be a call of `choice(default, help, ...)`; it is changed in place."""
        call = ast.parse(str(attr.value or "None"), mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            return
        if call.func.id == "choice":
            default, meaning = call.args[:2]
            attr.value = ast.unparse(default)
            words = ast.literal_eval(meaning)
            attr.docstring = griffe.Docstring(f"{words[0].upper()}{words[1:]}.")
        elif call.func.id == "_with_default":
            attr.value = ast.unparse(call.args[2])
            attr.docstring = griffe.Docstring(f"As in `{ast.unparse(call.args[0])}`.")
