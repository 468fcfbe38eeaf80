"""What a search for jobs looks in, and which jobs a list shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, cast

LONGEST = 10_000  # characters of a literal that can be searched: a picture written as text is no text


def searchable(words: Iterable[str]) -> str:
    """What a search looks in: upper and lower case are the same, in every language."""
    joined = "\n".join(word[:LONGEST] for word in words).casefold()
    return joined.encode("utf-8", "replace").decode().replace("\0", " ")


def graph_words(graph: Mapping[str, Any]) -> Iterator[str]:
    """The texts that people have written into a graph: literals and titles."""
    for node in graph.values():
        if isinstance(node, dict):
            known = cast("dict[str, Any]", node)
            inputs = known.get("inputs")
            literals = cast("dict[str, Any]", inputs).values() if isinstance(inputs, dict) else ()
            yield from _strings([known.get("_meta"), *(value for value in literals if not _is_link(value))])


def file_names(ui: Mapping[str, Any]) -> Iterator[str]:
    return (str(item["filename"]) for _, item in shown_items(ui))


def _is_link(value: Any) -> bool:
    return isinstance(value, list) and len(cast("list[Any]", value)) == 2


def _strings(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, dict):
            waiting.extend(reversed(cast("dict[str, Any]", found).values()))
        elif isinstance(found, list):
            waiting.extend(reversed(cast("list[Any]", found)))


def shown_items(ui: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind, items in ui.items():
        for item in cast("list[Any]", items) if isinstance(items, list) else []:
            if isinstance(item, dict) and "filename" in item:
                yield kind, cast("dict[str, Any]", item)


def filters(
    states: Collection[str] | None, client_id: str | None, search: str | None, workflow_id: str | None
) -> tuple[str, list[Any]]:
    """A condition on the rows of `jobs`, and its values."""
    terms: list[str] = ["1"]
    values: list[Any] = []
    if states is not None:
        terms.append(f"state IN ({', '.join('?' * len(states))})")
        values += states
    for name, wanted in (("client_id", client_id), ("workflow_id", workflow_id)):
        if wanted is not None:
            terms.append(f"{name} = ?")
            values.append(wanted)
    if words := [searchable([word]) for word in (search or "").split()]:
        each = " AND ".join(["(instr(graph, ?) OR instr(files, ?))"] * len(words))
        terms.append(f"seq IN (SELECT job FROM words WHERE {each})")
        values += [word for word in words for _ in ("graph", "files")]
    return " AND ".join(terms), values
