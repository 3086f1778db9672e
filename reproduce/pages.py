"""Pages in Markdown: their templates and tables."""

import pathlib

import jinja2

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
template = _TEMPLATES.get_template  # by its path below reproduce/


def markdown_table(head, rows, left=1):
    """A Markdown table; the first `left` columns are aligned to the left."""
    rule = ["---"] * left + ["---:"] * (len(head) - left)
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *rows))


def markdown_dicts(lines, without=(), left=1):
    """A Markdown table of dicts of texts by column title, except those in `without`."""
    head = [title for title in lines[0] if title not in without]
    rows = [[line[title] for title in head] for line in lines]
    return markdown_table(head, rows, left)
