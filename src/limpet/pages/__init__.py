"""Pages for people, made on the server: their common base, and in a package of its own each group of them.

How a page is made: write a template that extends `base.html` and a handler, `async def show(ask: Ask) -> Response`, that answers
`ask.html("name.html", value=…)`; name both in the routes of a `Group`, and give the group to `Site`. What a group gets for it:

- its templates know `asset("name.css")`, the address of a file in `static/` under a name that holds its hash, so that browsers
  keep it for ever, and `csrf`, which each form posts as `csrf` and htmx sends as a header of its own;
- every answer carries the headers of `guard.HEADERS`: nothing but what this server itself gives is loaded, and no script or style
  runs that stands in a page, so scripts go to `static/` and state into classes and attributes;
- a post without the token of the page is refused, as is a request under a host that the group's `hosts` does not know;
- `base.css` has the colours as variables, light and dark, and the parts that pages share: `.bar`, `.panel`, `.field`, `.chip`.

A page is whole without scripts: links and forms first, `hx-…` on top of them. `Refused` is a refusal that a person reads.
"""
