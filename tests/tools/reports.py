# SPDX-License-Identifier: BSD-3-Clause
"""
Reports, read by what others wrote: JSON by its schema, pages, JUnit's XML.
"""

import html.parser
import json
import pathlib
import xml.etree.ElementTree

import jsonschema

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "schema"


def check_schema(name, result):
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(result, schema)
    # What is published is all that there is.
    unknown = result.keys() - schema["properties"].keys()
    assert not unknown, unknown


class Page(html.parser.HTMLParser):
    """The scripts of a page; it may have no element that is not closed, and fetch nothing."""

    def __init__(self, text):
        super().__init__()
        self.open, self.scripts, self.inside = [], [], False
        self.feed(text)
        self.close()
        assert self.open == [], self.open

    def handle_starttag(self, tag, attrs):
        fetched = {name: value for name, value in attrs if name in ("src", "href") and value}
        assert not fetched, (tag, fetched)
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)
        self.inside = tag == "script"

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.scripts.append(data)


def results_of_page(path):
    text = path.read_text()
    assert "url(" not in text and "@import" not in text
    script = "".join(Page(text).scripts)
    return json.loads(script.split("const results = ", 1)[1].split(";\n", 1)[0])


def check_junit(path, tests, failures, errors=0):
    root = xml.etree.ElementTree.parse(path).getroot()
    suite, = root
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == (
        str(tests), str(failures), str(errors)), suite.attrib
    assert len(suite) == tests and len(suite.findall("*/failure")) == failures
    assert all(case.tag == "testcase" and case.get("name") and case.get("classname") and float(case.get("time")) >= 0
               for case in suite)
    return suite
