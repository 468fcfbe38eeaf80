"""Graphs as people have them, and the graphs that run.

`document` reads any of the forms (editor workflow, API graph, picture); `flatten` makes an API graph of an editor
workflow, over `subgraphs`, `promotion`, `groupnodes`, `levels` and `widgets`; `layout` goes the other way; `metadata`
holds the texts of pictures, `a1111` reads those of other tools.
"""
