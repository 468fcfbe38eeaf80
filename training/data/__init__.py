"""Pictures and captions to learn from: read, checked, sorted by shape, put in order, cut, and cached.

Names are imported when they are first used, so that `import training.data` alone imports neither torch nor PIL.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training.data.buckets import assign as assign
    from training.data.buckets import shapes as shapes
    from training.data.cache import Cache as Cache
    from training.data.cache import fingerprint as fingerprint
    from training.data.examples import DataError as DataError
    from training.data.examples import Example as Example
    from training.data.examples import Found as Found
    from training.data.folder import read_folder as read_folder
    from training.data.ordering import Order as Order
    from training.data.ordering import order as order
    from training.data.pictures import Cut as Cut
    from training.data.pictures import enlarged as enlarged
    from training.data.pictures import picture as picture

MODULES = {
    "Cache": "cache", "Cut": "pictures", "DataError": "examples", "Example": "examples", "Found": "examples",
    "Order": "ordering", "assign": "buckets", "enlarged": "pictures", "fingerprint": "cache", "order": "ordering",
    "picture": "pictures", "read_folder": "folder", "shapes": "buckets",
}  # fmt: skip


def __getattr__(name: str) -> object:
    if name not in MODULES:
        raise AttributeError(f"training.data has no {name}")
    return getattr(importlib.import_module(f"training.data.{MODULES[name]}"), name)
