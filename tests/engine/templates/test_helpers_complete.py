"""Every helper of the reference exists and is tested; nothing else does."""

import re
from pathlib import Path

from apps.engine.templates.helpers import BLOCKS, HELPERS

REFERENCE = """
uppercase lowercase capitalize capitalizeAll camelcase pascalcase snakecase dashcase dotcase pathcase sentence
trim trimLeft trimRight chop padLeft padRight replace replacefirst removefirst split join substring reverse
occurrences truncateWords sanitize abs ceil floor round add sum avg subtract multiply divide modulo toFixed
toPrecision toExponential random bytes addCommas ordinalize dateFormat dateAdd timestamp date base64Encode
base64Decode encodeURI decodeURI htmlEncode htmlDecode jsonSerialize jsonStringify jsonEncode jsonParse
stripProtocol stripQuerystring regexMatch regexReplace regexSearch hash hmac after before first last sort
unique pluck arrayify getValue lookup eq typeOf isTruthy isFalsey hasOwn hasNoItems if unless and or neither
not compare contains inArray filter some startsWith isEmpty ifEven each with
"""


def test_the_helpers_are_those_of_the_reference() -> None:
    assert set(HELPERS) | set(BLOCKS) == set(REFERENCE.split())


def test_each_helper_stands_in_a_table_of_tests() -> None:
    tables = "".join(path.read_text() for path in Path(__file__).parent.glob("test_helpers_[!c]*.py"))
    tables += (Path(__file__).parent / "test_helpers_codes.py").read_text()
    assert [name for name in REFERENCE.split() if not re.search(rf"\b{name}\b", tables)] == []
