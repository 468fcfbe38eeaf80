"""A few node types and a short way to write editor workflows, for the tests of this folder."""

from typing import Any

Raw = dict[str, Any]


def described(inputs: Raw, outputs: list[str], optional: Raw | None = None, **more: Any) -> Raw:
    sections = {"required": inputs, **({"optional": optional} if optional else {})}
    return {"input": sections, "output": outputs, "output_name": outputs, **more}


NODES: dict[str, Raw] = {
    "Load": described({"name": [["a", "b"], {}]}, ["MODEL", "CLIP"], display_name="Load Model"),
    "Text": described(
        {"text": ["STRING", {"multiline": True, "dynamicPrompts": True}], "clip": ["CLIP", {}]}, ["CONDITIONING"]
    ),
    "Size": described(
        {"width": ["INT", {"default": 512}], "height": ["INT", {"default": 512}]}, ["LATENT"], display_name="Empty Size"
    ),
    "Sample": described(
        {
            "model": ["MODEL", {}],
            "seed": ["INT", {"control_after_generate": True}],
            "steps": ["INT", {"default": 20}],
            "positive": ["CONDITIONING", {}],
            "latent": ["LATENT", {}],
        },
        ["LATENT"],
    ),
    "Number": described({"value": ["INT", {"default": 7}]}, ["INT"]),
    "Switch": described({"a": ["LATENT", {}], "b": ["LATENT", {}]}, ["LATENT"]),
    "Any": described({"value": ["*", {}]}, ["*"]),
    "Tags": described({"tags": ["COMBO", {"options": ["x", "y"]}], "off": ["INT", {"forceInput": True}]}, ["STRING"]),
    "Save": described(
        {"latent": ["LATENT", {}], "filename_prefix": ["STRING", {"default": "out"}]}, [], output_node=True
    ),
}


def node(id: Any, type: str, *values: Any, slots: list[str] | None = None, mode: int = 0, **more: Any) -> Raw:
    """slots: the names of the stored inputs, in order; links enter by their place."""
    inputs = [{"name": name, "type": "*"} for name in slots or []]
    return {"id": id, "type": type, "mode": mode, "inputs": inputs, "widgets_values": list(values), **more}


def workflow(nodes: list[Raw], *links: tuple[Any, int, Any, int], **more: Any) -> Raw:
    """links: (from, output, to, input)."""
    table = [[number, *link, "*"] for number, link in enumerate(links, 1)]
    return {"nodes": nodes, "links": table, "version": 0.4, "last_node_id": 100, **more}


def subgraph(
    id: str, nodes: list[Raw], inputs: list[str], outputs: list[str], *links: tuple[Any, int, Any, int]
) -> Raw:
    """links: (from, output, to, input); -10 and -20 are the border."""
    fields = ("origin_id", "origin_slot", "target_id", "target_slot")
    return {
        "id": id,
        "name": id,
        "nodes": nodes,
        "links": [{"id": n, **dict(zip(fields, link, strict=True))} for n, link in enumerate(links, 1)],
        "inputs": [{"name": name, "type": "*"} for name in inputs],
        "outputs": [{"name": name, "type": "*"} for name in outputs],
    }


def defining(*subgraphs: Raw) -> Raw:
    return {"subgraphs": list(subgraphs)}
