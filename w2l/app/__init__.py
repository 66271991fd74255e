"""The web page for people who only want the result: `w2l app`, and `w2l.notebook.app.show` in a notebook.

A tab is a module (`dub_tab`, `mark_tab`) with a function that puts it on the page; `page` puts them together, `guard`
keeps visitors apart, `server` serves it all.
"""
