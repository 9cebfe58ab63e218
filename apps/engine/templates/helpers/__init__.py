"""The helper table. Each module registers its group on import; names and behaviour follow the helper reference."""

from apps.engine.templates.helpers import arrays, blocks, codes, dates, numbers, patterns, text
from apps.engine.templates.helpers.registry import BLOCKS, HELPERS, BlockHelper, Helper

GROUPS = (text, numbers, dates, codes, patterns, arrays, blocks)

__all__ = ["BLOCKS", "GROUPS", "HELPERS", "BlockHelper", "Helper"]
