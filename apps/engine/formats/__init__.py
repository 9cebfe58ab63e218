"""Files as records: CSV, JSON, JSON lines, XML, XLSX. Reading is lazy and resumes from a cursor; no file is opened."""

from .csv_files import CsvRules, csv_rules, parse_csv
from .csv_writing import CsvWriting, csv_text, csv_writing
from .cursor import Cursor, FormatError
from .json_files import json_text, parse_json, parse_json_lines
from .xlsx import XlsxRules, parse_xlsx, xlsx_file
from .xml_files import XmlRules, parse_xml, read_xml
from .xml_writing import xml_text

__all__ = [
    "CsvRules",
    "CsvWriting",
    "Cursor",
    "FormatError",
    "XlsxRules",
    "XmlRules",
    "csv_rules",
    "csv_text",
    "csv_writing",
    "json_text",
    "parse_csv",
    "parse_json",
    "parse_json_lines",
    "parse_xlsx",
    "parse_xml",
    "read_xml",
    "xlsx_file",
    "xml_text",
]
