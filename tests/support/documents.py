"""Change JSON documents in every place."""

from __future__ import annotations

ODD = [None, True, 0, 1.5, "", "text", [], ["text"], [[]], {}, {"k": {}}, [None]]


def nodes(document, path=()):
    """Yield the path of each node of *document*, the root's first."""
    yield path
    names = document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    for name in names:
        yield from nodes(document[name], (*path, name))


def replaced(document, path, new):
    """Return *document* with the node at *path* replaced by *new*."""
    if not path:
        return new
    copy = document.copy()
    copy[path[0]] = replaced(document[path[0]], path[1:], new)
    return copy


def removed(document, path):
    """Return *document* without the member or element at *path*."""
    copy = document.copy()
    if len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = removed(document[path[0]], path[1:])
    return copy


def distorted(document, odd):
    """Yield *document* with each of its nodes replaced by *odd*, and without each of its members."""
    for path in nodes(document):
        yield replaced(document, path, odd)
        if path and isinstance(path[-1], str):
            yield removed(document, path)
