"""Lists that never count: a page reads one row more than it shows, and so knows whether another follows."""

from django.core.paginator import Paginator
from django.http import HttpRequest
from unfold.views import ChangeList

LAST_PAGE = 200  # deeper ones are reached by filters: an offset reads all it skips


class PeekPaginator(Paginator):
    """Only its template is asked for; the change list reads the rows."""

    template_name = "console/pagination.html"


class ConsoleChangeList(ChangeList):
    has_next = False
    page_num: int

    def get_results(self, request: HttpRequest) -> None:
        size = self.list_per_page
        self.page_num = max(1, min(self.page_num, LAST_PAGE))
        start = (self.page_num - 1) * size
        rows = list(self.queryset[start : start + size + 1])
        self.has_next = len(rows) > size and self.page_num < LAST_PAGE
        self.result_list = rows[:size]
        self.result_count = len(self.result_list)
        self.full_result_count = None
        self.show_full_result_count = self.show_all = self.can_show_all = False
        self.multi_page = self.has_next or self.page_num > 1
        self.show_admin_actions = bool(rows)
        self.paginator = PeekPaginator(self.queryset, size)
        self.model_admin.decorate(request, self.result_list)

    @property
    def previous_url(self) -> str:
        return self.get_query_string({"p": self.page_num - 1}) if self.page_num > 1 else ""

    @property
    def next_url(self) -> str:
        return self.get_query_string({"p": self.page_num + 1}) if self.has_next else ""

    @property
    def first_shown(self) -> int:
        return (self.page_num - 1) * self.list_per_page + 1

    @property
    def last_shown(self) -> int:
        return self.first_shown + len(self.result_list) - 1
