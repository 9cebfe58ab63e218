import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.engine.formats import CsvRules, CsvWriting, Cursor, FormatError, csv_text, parse_csv
from apps.engine.formats.csv_writing import defused

START = Cursor(etag="e")


PLAIN = CsvRules()


def read(data, rules=PLAIN, cursor=START):
    return [record for record, _ in parse_csv(io.BytesIO(data), rules, cursor)]


def test_the_header_names_the_fields_and_is_always_trimmed():
    assert read(b" id , name\n1, Ana \n2,Bo\n") == [{"id": "1", "name": " Ana "}, {"id": "2", "name": "Bo"}]


def test_trim_trims_cells_too():
    assert read(b"id,name\n1, Ana \n", CsvRules(trim=True)) == [{"id": "1", "name": "Ana"}]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_row_ends_are_detected(end):
    assert read(end.join([b"a,b", b"1,2", b"3,4"])) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_a_row_delimiter_that_is_named_is_the_only_one():
    assert read(b"a,b\n1,x\ry\n", CsvRules(row_delimiter="\n", quoting=False)) == [{"a": "1", "b": "x\ry"}]


def test_quoted_cells_hold_delimiters_quotes_and_line_ends():
    assert read(b'a,b\n"x,""y""\nz",2\n') == [{"a": 'x,"y"\nz', "b": "2"}]


def test_without_a_header_fields_are_numbered():
    assert read(b"1,2\n3,4,5\n", CsvRules(has_header=False)) == [
        {"Column0": "1", "Column1": "2"},
        {"Column0": "3", "Column1": "4", "Column2": "5"},
    ]


def test_rows_to_skip_come_before_the_header():
    assert read(b"report\n\nid\n1\n", CsvRules(skip_rows=2)) == [{"id": "1"}]


def test_blank_and_repeated_headers_get_names_of_their_own():
    assert read(b"id,,id\n1,2,3\n") == [{"id": "1", "Column1": "2", "id_2": "3"}]


def test_empty_lines_are_no_records_and_short_rows_lack_fields():
    assert read(b"a,b\n\n1\n\n") == [{"a": "1"}]


def test_quoting_can_be_switched_off_and_enclosing_quotes_stripped():
    assert read(b'a,b\n"x",5" pipe\n', CsvRules(quoting=False)) == [{"a": "x", "b": '5" pipe'}]


def test_delimiters_may_be_several_characters():
    rules = CsvRules(column_delimiter="||")

    assert read(b'a||b||c\n"x||y"||2||\n"m\nn"||o||p', rules) == [
        {"a": "x||y", "b": "2", "c": ""},
        {"a": "m\nn", "b": "o", "c": "p"},
    ]


@pytest.mark.parametrize("encoding", ["utf8", "win1252", "utf-16le", "gb18030", "macroman", "iso88591", "shiftjis"])
def test_encodings_are_read(encoding):
    from apps.engine.formats.cursor import codec

    text = "id,name\n1,表示\n" if encoding in ("gb18030", "shiftjis") else "id,name\n1,café\n"
    assert read(text.encode(codec(encoding)), CsvRules(encoding=encoding))[0]["name"] in ("表示", "café")


@pytest.mark.parametrize("data", [b"\xef\xbb\xbfid\n1\n", "\ufeffid\n1\n".encode("utf-16-le")])
def test_a_byte_order_mark_is_no_part_of_the_header(data):
    encoding = "utf8" if data[:1] == b"\xef" else "utf-16le"

    assert read(data, CsvRules(encoding=encoding)) == [{"id": "1"}]


@pytest.mark.parametrize(
    ("data", "rules", "says"),
    [
        (b"a\n\xff\n", CsvRules(), "not valid utf-8"),
        (b"a\n1\n", CsvRules(encoding="latin-9"), "encoding: 'latin-9'"),
        (b"a\n1\n", CsvRules(column_delimiter=""), "columnDelimiter"),
        (b'a||b\n"x', CsvRules(column_delimiter="||"), "not closed"),
    ],
)
def test_what_is_wrong_is_named(data, rules, says):
    with pytest.raises(FormatError, match=says):
        read(data, rules)


FILE = '\ufeffid,name\r\n1,"a\r\nb"\r\n\r\n2,ü\r\n3,"c""d"\r\n4,表'


@pytest.mark.parametrize("encoding", ["utf8", "utf-16le"])
@pytest.mark.parametrize("stop", [0, 1, 2, 3, 4])
def test_reading_resumes_where_it_stopped(encoding, stop):
    data = FILE.encode("utf-8" if encoding == "utf8" else "utf-16-le")
    rules = CsvRules(encoding=encoding)
    whole = read(data, rules)
    places = [START, *(cursor for _, cursor in parse_csv(io.BytesIO(data), rules, START))]

    again = Cursor.from_document(places[stop].as_document())

    assert whole[:stop] + read(data, rules, again) == whole
    assert again.record == stop


def test_a_file_that_changed_is_noticed():
    with pytest.raises(FormatError, match="changed after 3 records"):
        Cursor(offset=9, record=3, etag="old").check("new")


def write(records, **options):
    return "".join(csv_text(records, CsvWriting(**options)))


RECORDS = [{"a": "x,y", "b": 1.5, "c": None}, {"a": 'q"', "b": True, "c": {"n": [1]}}]


def test_cells_are_quoted_only_where_needed():
    assert write(RECORDS) == 'a,b,c\n"x,y",1.5,\n"q""",true,"{""n"":[1]}"\n'


def test_writing_options_hold():
    assert write([{"a": "x\ty\nz"}], replace_tabs=True, replace_newlines=True) == "a\nx y z\n"
    assert write([{"a": "x"}], wrap_all=True, truncate_last_delimiter=True, row_delimiter="\r\n") == '"a"\r\n"x"'
    assert write([{"a": 1}], include_header=False, custom_header_rows=["# one"]) == "# one\n1\n"
    assert write([{"a": 1, "b": 2}], columns=["b", "x"], column_delimiter=";") == "b;x\n2;\n"
    assert write([], columns=["a"]) == "a\n"
    assert write([]) == ""


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(
    st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=5), st.sampled_from([",", ";", "||", "\t"])
)
def test_what_is_written_is_read_back(rows, delimiter):
    records = [{"one": one, "two": two} for one, two in rows]
    text = write(records, column_delimiter=delimiter, wrap_all=True)

    assert read(text.encode(), CsvRules(column_delimiter=delimiter, row_delimiter="\n")) == records


@pytest.mark.parametrize(
    ("cell", "safe"),
    [("=1+1", "'=1+1"), ("@x", "'@x"), ("-5", "-5"), ("-5+cmd", "'-5+cmd"), ("plain", "plain"), ("\t=1", "'\t=1")],
)
def test_formulas_are_defused_and_numbers_left(cell, safe):
    assert defused(cell) == safe
