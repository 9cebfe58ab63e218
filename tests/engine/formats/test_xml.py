import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.engine.formats import Cursor, FormatError, XmlRules, parse_xml, read_xml, xml_text
from apps.engine.paths import MISSING, PathError
from apps.engine.xml_paths import compile_answer_getter, parse_xml_path

SHOP = b"""<?xml version="1.0" encoding="UTF-8"?>
<shop xmlns="urn:a" xmlns:b="urn:b"><b:name>Caf\xc3\xa9</b:name>
  <orders><order id="1" state="open"><line>a</line><line>b</line></order><order id="2"><line>c</line></order></orders>
  <old><order id="3" state="open"/></old></shop>"""


def read(path, data=SHOP, cursor=None, **rules):
    return [record for record, _ in parse_xml(io.BytesIO(data), XmlRules(path=path, **rules), cursor or Cursor())]


def test_repeated_elements_are_lists_texts_are_texts_and_attributes_members():
    assert read("/shop/orders/order") == [{"id": "1", "state": "open", "line": ["a", "b"]}, {"id": "2", "line": "c"}]


@pytest.mark.parametrize(
    ("path", "ids"),
    [
        ("//order", ["1", "2", "3"]),
        ('//order[@state="open"]', ["1", "3"]),
        ("/shop/*/order", ["1", "2", "3"]),
        ("//old/order", ["3"]),
        ("/shop/order", []),
        ("//Order", []),
    ],
)
def test_paths_lead_to_elements_without_regard_to_namespaces(path, ids):
    assert [record["id"] for record in read(path)] == ids


def test_rules_choose_lists_names_and_elements():
    assert read("//old", lists=frozenset({"order"})) == [{"order": [{"id": "3", "state": "open"}]}]
    assert read("//order", attribute_prefix="@", exclude=frozenset({"line"}))[1] == {"@id": "2"}
    assert read("/a", b"<a x='1'> hi\n </a>", trim=True, text_name="#") == [{"x": "1", "#": "hi"}]


def test_an_element_of_text_alone_is_an_object_of_its_name():
    assert read("//line") == [{"line": "a"}, {"line": "b"}, {"line": "c"}]


def test_reading_goes_on_behind_the_cursor():
    source = parse_xml(io.BytesIO(SHOP), XmlRules(path="//order"), Cursor(etag="e"))
    _, behind = next(source)
    assert [record["id"] for record in read("//order", cursor=behind)] == ["2", "3"]


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1/x">%p;]><a/>',
        b"<a>",
        b"no xml",
        b"",
        b"<a>" * 200 + b"</a>" * 200,
        b'<?xml version="1.0" encoding="klingon"?><a/>',
    ],
)
def test_what_is_no_xml_or_declares_entities_is_refused(data):
    with pytest.raises(FormatError):
        read_xml(data)
    with pytest.raises(FormatError):
        read("", data)


def test_encodings_are_the_files_own_or_the_documents():
    assert read("", '<?xml version="1.0" encoding="iso-8859-1"?><a n="é"/>'.encode("latin-1")) == [{"n": "é"}]
    assert read("", '<a n="é"/>'.encode("cp1252"), encoding="win1252") == [{"n": "é"}]
    assert read("", '<a n="é"/>'.encode("utf-16-le"), encoding="utf-16le") == [{"n": "é"}]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/shop/name/text()", "Café"),
        ("/shop/name", "Café"),
        ("//order/@id", ["1", "2", "3"]),
        ('//order[@state="open"]/line', ["a", "b"]),
        ("/shop/none", MISSING),
        ("shop.old.order.id", "3"),
        ("$.shop.old.order.id", "3"),
    ],
)
def test_paths_of_answers(path, value):
    assert compile_answer_getter(path)(read_xml(SHOP)) == value


@pytest.mark.parametrize("path", ["", "/", "//a[1]", "//a[b='c']", "/a/@b/c", "/a//", "a b", "/a[", "/text()"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(PathError):
        parse_xml_path(path)


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True).filter(lambda name: name.lower() != "xml")
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn", "Co"]), max_size=20)


@given(st.lists(st.dictionaries(NAMES, TEXTS, min_size=1, max_size=4), max_size=5))
def test_what_is_written_reads_back(records):
    text = "".join(xml_text(records, resource_path="/list/item"))
    assert read("/list/item", text.encode()) == records


def test_members_become_elements_attributes_and_text():
    record = {"@id": 1, "&txt": "x<y", "list": ["a", {"b": True}], "odd name": None, "1st": 2, "\x00": "\x01"}
    [line] = "".join(xml_text([record])).splitlines()[2:-1]
    assert line == (
        '<record id="1">x&lt;y<list>a</list><list><b>true</b></list><odd_name></odd_name><_1st>2</_1st>'
        "<_>\ufffd</_></record>"
    )
