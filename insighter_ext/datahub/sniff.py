"""What a file is, told by its bytes: Parquet, JSON, CSV and its dialect, or what else it is and how to go on.

Runs in the inspection's worker process; of the standard library only.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SAMPLE = 1 << 20
DELIMITERS = (",", ";", "\t", "|")
DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}

TEXT_HINT = "upload a CSV, JSON or Parquet file"

# Beginnings of files that people upload by mistake, with what they are and what to do.
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89PNG", "a PNG image", "upload the table itself, as CSV, JSON or Parquet"),
    (b"\xff\xd8\xff", "a JPEG image", "upload the table itself, as CSV, JSON or Parquet"),
    (b"GIF8", "a GIF image", "upload the table itself, as CSV, JSON or Parquet"),
    (b"%PDF", "a PDF document", "export its tables as CSV first"),
    (b"\x1f\x8b", "compressed with gzip", "unpack it first: gunzip <file>"),
    (b"BZh", "compressed with bzip2", "unpack it first: bunzip2 <file>"),
    (b"\xfd7zXZ", "compressed with xz", "unpack it first: unxz <file>"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it first: unzstd <file>"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it first, then upload the files in it"),
    (b"Rar!", "a RAR archive", "unpack it first, then upload the files in it"),
    (
        b"\xd0\xcf\x11\xe0",
        "an old Excel or Word document",
        'open it in a spreadsheet program and save it as "CSV UTF-8"',
    ),
    (
        b"SQLite format 3",
        "an SQLite database",
        "export a table: sqlite3 -header -csv <file> 'select * from <table>'",
    ),
    (b"\x89HDF", "an HDF5 file", "convert it: pandas.read_hdf(…).to_parquet(…)"),
    (b"ARROW1", "an Arrow or Feather file", "convert it: pandas.read_feather(…).to_parquet(…)"),
    (b"ORC", "an ORC file", "convert it: pandas.read_orc(…).to_parquet(…)"),
    (b"Obj\x01", "an Avro file", "convert it to Parquet first"),
    (b"\x93NUMPY", "a NumPy array", "convert it: pandas.DataFrame(numpy.load(…)).to_parquet(…)"),
    (b"PARE", "an encrypted Parquet file", "decrypt it first"),
    (b"\x7fELF", "a program", TEXT_HINT),
    (b"MZ\x90", "a program", TEXT_HINT),
    (b"RIFF", "a sound, image or video file", TEXT_HINT),
    (b"OggS", "a sound file", TEXT_HINT),
    (b"ID3", "a sound file", TEXT_HINT),
)
_UTF_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NUMBER = re.compile(r"\s*[-+]?(\d+([.,]\d*)*|[.]\d+)([eE][-+]?\d+)?\s*%?\s*")
_DATE = re.compile(r"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d{1,2}:\d{2}\S*)?\s*")


class Refused(Exception):
    """The file cannot become a dataset version.

    Args:
        code: a stable word for programs.
        message: what is wrong, for people.
        hint: what to do.
        details: numbers for programs, such as the line.
    """

    def __init__(
        self, code: str, message: str, hint: str, details: dict[str, int | str] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.details = details


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file is."""

    format: Literal["csv", "json", "parquet"]
    encoding: str
    """``utf-8``, or ``utf-16``/``utf-32`` with a byte-order mark, which have to be converted first"""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written."""

    delimiter: str
    escape: str
    header: bool
    columns: int
    line: int
    """the line of the first row, from 1: empty lines may come before it"""


def kind(path: Path) -> Kind:
    """Tell what a file is.

    Raises:
        Refused: it is empty or no table; the message names what it is.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(SAMPLE)
        file.seek(max(0, size - 8))
        tail = file.read(8)
    if not head:
        raise Refused("file_empty", "the file is empty", "choose another file; nothing was added")
    if head.startswith(b"PAR1"):
        if size < 12 or not tail.endswith(b"PAR1"):
            raise Refused(
                "parquet_truncated",
                "the Parquet file is incomplete: its end is missing",
                "it was cut off while it was written or copied; copy it again",
            )
        return Kind("parquet", "")
    _refuse_known_binary(head)
    encoding = next((name for mark, name in _UTF_BOMS if head.startswith(mark)), "utf-8")
    if encoding == "utf-8":
        _refuse_unknown_binary(head)
    text = decode_sample(head, encoding)
    if not text.strip():
        raise Refused(
            "file_empty", "the file holds nothing but blanks", "choose another file; nothing was added"
        )
    start = text.lstrip()
    if start.lower().startswith(("<!doctype", "<html", "<?xml")):
        raise Refused(
            "not_a_table",
            "the file is a web page or XML, not a table",
            "a download link may have led to a page instead of the file: download the file itself",
        )
    if start.startswith("version https://git-lfs"):
        raise Refused("not_a_table", "the file is a Git LFS pointer, not the data", "run: git lfs pull")
    return Kind("json" if start[0] in "[{" and _like_json(start) else "csv", encoding)


def _like_json(text: str) -> bool:
    """Whether a text that begins with a bracket goes on as JSON does; a CSV header may begin with one too."""
    rest = text[1:].lstrip()
    if text[0] == "{":
        return rest[:1] in {"", '"', "}"}
    return bool(re.match(r'$|["{[\]\-0-9]|(true|false|null)\b', rest))


def _refuse_known_binary(head: bytes) -> None:
    if head.startswith(b"PK\x03\x04"):
        names = head[:8192]
        if b"xl/" in names or b"[Content_Types].xml" in names:
            raise Refused(
                "not_a_table",
                "the file is an Excel workbook, whatever its name says",
                'save the sheet as "CSV UTF-8", or: pandas.read_excel(…).to_parquet(…)',
            )
        raise Refused(
            "not_a_table", "the file is a ZIP archive", "unpack it first, then upload the files in it"
        )
    for magic, what, hint in _MAGIC:
        if head.startswith(magic):
            raise Refused("not_a_table", f"the file is {what}, whatever its name says", hint)


def _refuse_unknown_binary(head: bytes) -> None:
    zeros = head.count(0)
    if not zeros:
        return
    if zeros > len(head) // 4 and (head[1::2].count(0) > zeros * 0.9 or head[0::2].count(0) > zeros * 0.9):
        raise Refused(
            "not_utf8",
            "the text seems to be UTF-16 without a byte-order mark",
            "save it as UTF-8: iconv -f UTF-16LE -t UTF-8 <file>",
        )
    raise Refused(
        "not_a_table", f"the file is binary: it has a zero byte at position {head.index(0)}", TEXT_HINT
    )


def decode_sample(head: bytes, encoding: str) -> str:
    """The beginning of a file as text.

    Raises:
        Refused: it is not in that encoding.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)("strict")
    try:
        return decoder.decode(head)  # not final: the sample may end within a character
    except UnicodeDecodeError as error:
        raise not_utf8(head.count(b"\n", 0, error.start) + 1, encoding) from None


def not_utf8(line: int, encoding: str = "utf-8") -> Refused:
    """The refusal of text in an encoding that nothing in the file tells."""
    return Refused(
        "not_utf8",
        f"line {line:,} is not {encoding.upper()} text",
        'save it as UTF-8: in a spreadsheet program as "CSV UTF-8"; or iconv -f WINDOWS-1252 -t UTF-8 <file>',
        {"line": line},
    )


def dialect(sample: str, complete: bool) -> Dialect:
    """How the CSV file with this beginning is written.

    The delimiter is the one under which the header has several fields and most rows have as many as the header. Whether
    that holds for all rows is for the reader to find out.

    Args:
        sample: the beginning of the text.
        complete: whether it is the whole text; if not, the last line may be cut.
    """
    body = sample.lstrip("\r\n")
    line = sample[: len(sample) - len(body)].replace("\r\n", "\n").count("\n") + 1
    if not complete and "\n" in body:
        body = body[: body.rindex("\n") + 1]
    escape = '"'
    parsed = {delimiter: _parse(body, delimiter, escape) for delimiter in DELIMITERS}
    delimiter = _delimiter({key: rows for key, (rows, _) in parsed.items()})
    if parsed[delimiter][1] and '\\"' in body:
        # Quotes that do not follow RFC 4180; some programs escape them with a backslash.
        other = {key: _parse(body, key, "\\") for key in DELIMITERS}
        if not other[_delimiter({key: rows for key, (rows, _) in other.items()})][1]:
            escape, parsed = "\\", other
            delimiter = _delimiter({key: rows for key, (rows, _) in parsed.items()})
    rows = parsed[delimiter][0]
    return Dialect(delimiter, escape, _has_header(rows), len(rows[0]) if rows else 1, line)


def _delimiter(parsed: dict[str, list[list[str]]]) -> str:
    best: tuple[float, int] = (0.0, 0)
    chosen = None
    split = {delimiter: sum(1 for row in rows if len(row) > 1) for delimiter, rows in parsed.items()}
    for delimiter, rows in parsed.items():
        width = len(rows[0]) if rows else 0
        if width > 1:
            score = (sum(1 for row in rows if len(row) == width) / len(rows), width)
            if score > best:
                best, chosen = score, delimiter
    if chosen is not None and (best[0] >= 0.5 or split[chosen] == max(split.values())):
        return chosen
    return max(split, key=lambda delimiter: split[delimiter]) if any(split.values()) else ","


def _parse(text: str, delimiter: str, escape: str, most: int = 2000) -> tuple[list[list[str]], bool]:
    """The first rows, without empty lines; and whether quotes are used in another way."""
    csv.field_size_limit(64 << 20)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        doublequote=escape == '"',
        escapechar=None if escape == '"' else escape,
        strict=True,
    )
    rows: list[list[str]] = []
    try:
        for row in reader:
            if row:
                rows.append(row)
            if len(rows) >= most:
                break
    except csv.Error:
        return rows, True  # the reader proper says where
    return rows, False


def _has_header(rows: list[list[str]]) -> bool:
    """No header when the first row holds values: numbers or dates, and no name above a column of them."""
    if not rows:
        return True
    first, rest = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]

    def value(text: str) -> bool:
        return bool(_NUMBER.fullmatch(text) or _DATE.fullmatch(text))

    if not any(value(cell) for cell in first):
        return True
    for index, cell in enumerate(first):
        below = [row[index] for row in rest if row[index].strip()]
        if cell.strip() and not value(cell) and below and all(value(text) for text in below):
            return True
    return False
