"""Source paging: how one HTTP export asks for page after page, as pure steps over a state that can be stored."""

from apps.engine.paging.links import next_link
from apps.engine.paging.loops import PagingLoopError
from apps.engine.paging.pager import Pager, compile_paging

__all__ = ["Pager", "PagingLoopError", "compile_paging", "next_link"]
