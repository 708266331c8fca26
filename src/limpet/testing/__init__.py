"""A Limpet for an application's own tests: started once, emptied between tests, with phones that a test looks at and writes from.

`limpet.pytest_plugin` makes fixtures of it; it knows nothing of pytest. It imports nothing of the server, which runs in a process
of its own, and little else, since every run of pytest imports it wherever Limpet is installed.
"""
