from uuid import UUID

from apps.core.ids import new_id, whole_number


def test_a_whole_number_stands_for_an_id_in_json_of_any_language():
    one, other = new_id(), new_id()
    assert whole_number(one) == whole_number(UUID(str(one))) != whole_number(other)
    assert 0 <= whole_number(one) < 2**53
