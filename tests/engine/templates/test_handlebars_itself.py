"""A development check: our compiler against the handlebars package, where Node finds one (NODE_PATH)."""

import json
import shutil
import subprocess

import pytest

from tests.engine.templates.handlebars_corpus import CORPUS, DATA

SCRIPT = """
const Handlebars = require('handlebars');
Handlebars.registerHelper('raw', options => options.fn());
const [texts, data] = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(texts.map(text => Handlebars.compile(text)(data))));
"""


def test_the_corpus_is_what_handlebars_says() -> None:
    node = shutil.which("node")
    finds = [str(node), "-e", "require('handlebars')"]
    if node is None or subprocess.run(finds, capture_output=True, check=False).returncode:
        pytest.skip("needs Node with the handlebars package on NODE_PATH")
    asked = json.dumps([[text for text, _ in CORPUS], DATA])
    answer = subprocess.run([node, "-e", SCRIPT], input=asked, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(answer.stdout) == [expected for _, expected in CORPUS]
