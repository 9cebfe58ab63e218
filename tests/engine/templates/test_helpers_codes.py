"""Celigo documents 2.4, row by row."""

import json

import pytest

from apps.engine.templates import RenderEnv, TemplateError, compile

SCOPE = {
    "record": {
        "o": {"a": 1, "b": [True, None, "é"]},
        "text": 'a"b\n',
        "html": "<a 'x'>",
        "float": {"whole": 7.0, "small": 1e-7, "nan": float("nan")},
        "doubles": [1e16, -1e16, 123456789012345680.0, 1e20, 1e21, 0.5, "1e+16 7.0"],
        "keys": {1: "a", None: 1.0},
        "big": 12345678901234567890123,
        "none": None,
        "pic": '"',
        "evil": "a" * 40 + "!",
        "wide": "x" * 999_999,
    },
    "connection": {"http": {"encrypted": {"k": "key"}}},
}

ROWS = [
    ('base64Encode "Hello"', "SGVsbG8="),
    ('base64Encode "Hello" "hex"', "48656c6c6f"),
    ('base64Encode "é" "latin1"', "6Q=="),
    ('base64Encode "a" "ucs2"', "YQA="),
    ('base64Encode "a" "utf16le"', "YQA="),
    ('base64Decode "SGVsbG8="', "Hello"),
    ('base64Decode "SGVsbG8gV29ybGQh" "hex"', "48656c6c6f20576f726c6421"),
    ('base64Decode "6Q==" "binary"', "é"),
    ('base64Decode "YQA=" "ucs2"', "a"),
    ('base64Decode "6Q==" "ascii"', "i"),
    ('base64Decode "SGVs bG8"', "Hello"),
    ('encodeURI "a b&c"', "a%20b%26c"),
    ('encodeURI ",/?:@&=+$#"', "%2C%2F%3F%3A%40%26%3D%2B%24%23"),
    ('encodeURI "-_.!~*\'()"', "-_.!~*'()"),
    ('encodeURI "é"', "%C3%A9"),
    ('decodeURI "a%20b%26c"', "a b&c"),
    ('decodeURI "100%"', "100%"),
    ('decodeURI "%ff"', "%ff"),
    ("htmlEncode record.html", "&lt;a &#39;x&#39;&gt;"),
    ("htmlEncode record.pic", "&quot;"),
    ('htmlDecode "&lt;a &#39;x&#39;&gt; &amp;lt; &quot;"', "<a 'x'> &lt; \""),
    ("jsonSerialize record.o", '{"a":1,"b":[true,null,"é"]}'),
    ("jsonStringify record.o", '{"a":1,"b":[true,null,"é"]}'),
    ('jsonSerialize "x"', '"x"'),
    ("jsonSerialize record.none", "null"),
    ("jsonSerialize record.float", '{"whole":7,"small":1e-7,"nan":null}'),
    (
        "jsonSerialize record.doubles",
        '[10000000000000000,-10000000000000000,123456789012345680,100000000000000000000,1e+21,0.5,"1e+16 7.0"]',
    ),
    ("jsonSerialize record.keys", '{"1":"a","":1}'),
    ("jsonSerialize record.big", "12345678901234567890123"),
    ("jsonEncode record.text", 'a\\"b\\n'),
    ("jsonEncode record.o", "[object Object]"),
    ('#with (jsonParse "{\\"a\\":{\\"b\\":5}}")', "5"),
    ('stripProtocol "HTTPS://x/y?z"', "//x/y?z"),
    ('stripProtocol "//x/y"', "//x/y"),
    ('stripQuerystring "x?y?z"', "x"),
    ('stripQuerystring "x"', "x"),
    ('regexMatch "12345 and 67890" "[0-9]{5}" 1', "67890"),
    ('regexMatch "12345 and 67890" "[0-9]{5}"', "12345"),
    ('regexMatch "12345" "[0-9]{5}" 7', ""),
    ('regexMatch "abc" "[0-9]"', ""),
    ('regexMatch "xABC" "abc" "i"', "ABC"),
    ('regexMatch "ab AB" "ab" 1 "i"', "AB"),
    ('regexMatch "ab" "(a)(b)"', "ab"),
    ('regexReplace "A-1 2" "" "[ -]" "g"', "A12"),
    ('regexReplace "A-1 2" "" "[ -]"', "A1 2"),
    ('regexReplace "John Smith" "$2, $1" "(\\w+) (\\w+)"', "Smith, John"),
    ('regexReplace "a.b" "[$&]" "\\."', "a[.]b"),
    ('regexReplace "ab" "$<x>!" "(?<x>a)"', "a!b"),
    ('regexReplace "aaa" "b" "" "g"', "bababab"),
    ('regexSearch "$1499.95" "\\."', "5"),
    ('regexSearch "abc" "z"', "-1"),
    ('regexSearch "price: $5" "(?<=\\$)\\d"', "8"),
    ('hash "sha256" "hex" "a"', "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
    ('hash "md5" "base64" "a"', "DMF1ucDxtqgxw5niaXcmYQ=="),
    ('hash "sha256" "key" "hex" "a"', "780c3db4ce3de5b9e55816fba98f590631d96c075271b26976238d5f4444219b"),
    (
        'hmac "sha256" connection.http.encrypted.k "hex" "a"',
        "780c3db4ce3de5b9e55816fba98f590631d96c075271b26976238d5f4444219b",
    ),
    ('hmac "sha256" "a2V5" "hex" "a" "base64"', "780c3db4ce3de5b9e55816fba98f590631d96c075271b26976238d5f4444219b"),
    ('hmac "SHA-512" "k" "base64" "a"', None),
]


@pytest.mark.parametrize(("call", "expected"), ROWS)
def test_an_encoding_helper_gives_what_its_row_says(call: str, expected: str | None) -> None:
    text = "{{" + call + "}}{{a.b}}{{/with}}" if call.startswith("#with") else "{{{" + call + "}}}"
    rendered = compile(text.replace('\\"a', '\\"a'), "handlebars").render(SCOPE)
    assert len(rendered) == 88 if expected is None else rendered == expected


def test_serialized_numbers_mean_what_they_did() -> None:
    assert json.loads(compile("{{{jsonSerialize this}}}", "handlebars").render({"a": 7.5, "b": 1e300})) == {
        "a": 7.5,
        "b": 1e300,
    }


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('jsonParse "{oops"', "jsonParse: not JSON"),
        ('base64Encode "a" "rot13"', "rot13"),
        ('hash "crc" "hex" "a"', "'crc' is not a known digest"),
        ('hash "md5" "octal" "a"', "octal"),
        ('hmac "sha1" "k" "hex" "a" "hex"', "utf8 or base64"),
        ('regexMatch "a" "("', "not a regular expression"),
        ('regexMatch "a" "a" 0 "z"', "'z' is not a flag"),
        ('aws4 "k" "s" "t" "r" "s"', "no helper named 'aws4'"),
    ],
)
def test_a_wrong_argument_is_an_error_that_says_so(call: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message.replace("(", r"\(")):
        compile("{{{" + call + "}}}", "handlebars").render(SCOPE)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"a{x}", "a{x}", "a{x}"),
        (r"\A", "xA", "A"),
        (r"a$", "a\n", ""),
        (r"[^]", "\n", "\n"),
        (r"a[]", "a", ""),
        (r"\u0041\x42", "AB", "AB"),
        (r"[a&&b]+", "a&b", "a&b"),
        (r"[[]+", "[[", "[["),
        (r"(?<y>.)\k<y>", "abb", "bb"),
        (r"(a)\1", "aa", "aa"),
        (r"\/", "a/b", "/"),
        (r"\d", "٣4", "4"),
        (r"\p{Lu}", "aÉ", "É"),
        (r"x*?y", "xxy", "xxy"),
        (r"x{1,2}?", "xx", "x"),
        (r"(?:\d{4}-?){3}", "1234-5678-9012", "1234-5678-9012"),
        (r"[\]\\-]+", "a]-\\b", "]-\\"),
        (r"\cJ", "a\nb", "\n"),
        (r"(?=b)", "ab", ""),
        (r"(?<!a)b", "abb", "b"),
        (r"[^\d\s]+", "12 ab", "ab"),
    ],
)
def test_patterns_speak_javascript(pattern: str, text: str, found: str) -> None:
    template = compile("{{{regexMatch record.text record.pattern}}}", "handlebars")
    assert template.render({"record": {"text": text, "pattern": pattern}}) == found


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?P<x>a)",
        r"(?R)",
        r"a*+",
        r"a{2}+",
        r"a**",
        r"a{2}{2}",
        r"(?#x)",
        r"(?i)a",
        r"(?|a)",
        "a{1,99999}",
        "\\",
        r"(?>a)",
    ],
)
def test_what_javascript_does_not_have_is_refused(pattern: str) -> None:
    template = compile("{{{regexMatch record.text record.pattern}}}", "handlebars")
    with pytest.raises(TemplateError, match="not a regular expression"):
        template.render({"record": {"text": "aaa", "pattern": pattern}})


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)z"]
)
def test_a_pattern_that_would_hang_ends_in_an_answer_or_an_error(pattern: str) -> None:
    env = RenderEnv(max_seconds=0.2)
    template = compile("{{{regexMatch record.evil record.pattern}}}", "handlebars")
    try:
        assert template.render({"record": {"evil": "a" * 5000 + "!", "pattern": pattern}}, env=env) == ""
    except TemplateError as error:
        assert "takes too long" in str(error)


def test_a_replacement_cannot_multiply_the_text() -> None:
    with pytest.raises(TemplateError, match="grows past"):
        compile('{{{regexReplace record.wide record.wide "x" "g"}}}', "handlebars").render(SCOPE)
