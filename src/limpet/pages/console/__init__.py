"""The operators' console: what an operator sees and does, over the same functions as the API and the command line.

`routes.py` names each page with the deed that it is (`limpet.core.console.Act`); `guard.py` lets in who may; `visit.py` is what
a page works with. Nothing is decided here. A deed is written into the log before it is done, and what came of it after.
"""
