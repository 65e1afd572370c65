"""A pull request's comment as a picture, as GitHub shows it: docs/comment.png.

It needs Chromium, and for ❌ a font that has it.

foundry-tune plan specs --markdown --preview preview.txt > comment.md
python -m tools.picture comment.md docs/comment.png
"""

import sys
import tempfile
from pathlib import Path

from markdown_it import MarkdownIt

from tests.browser.chromium import Chromium

WIDTH = 900

# What GitHub's own style sheet (primer/css, markdown) says of the elements that a comment has.
_PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; padding: 24px; background: #fff; color: #1f2328;
  font: 14px/1.5 -apple-system, "Segoe UI", "Noto Sans", Helvetica, "DejaVu Sans", sans-serif; }}
article {{ border: 1px solid #d1d9e0; border-radius: 6px; overflow: hidden; }}
header {{ background: #f6f8fa; border-bottom: 1px solid #d1d9e0; padding: 8px 16px;
  color: #59636e; }}
header b {{ color: #1f2328; }}
header i {{ font-style: normal; font-size: 12px; border: 1px solid #d1d9e0; border-radius: 2em;
  padding: 0 7px; margin-left: 4px; }}
main {{ padding: 16px; }}
h2 {{ font-size: 1.5em; margin: 0 0 16px; padding-bottom: .3em;
  border-bottom: 1px solid #d1d9e0b3; }}
h3 {{ font-size: 1.25em; margin: 24px 0 16px; }}
p, ul, details {{ margin: 0 0 16px; }}
table {{ border-collapse: collapse; margin: 0 0 16px; }}
th, td {{ border: 1px solid #d1d9e0; padding: 6px 13px; text-align: left; }}
tr:nth-child(2n) td {{ background: #f6f8fa; }}
pre {{ background: #f6f8fa; border-radius: 6px; padding: 16px; overflow: auto; margin: 0 0 16px;
  font: 12px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; }}
</style><article><header><b>github-actions</b> <i>bot</i> commented · edited</header>
<main>{body}</main></article>"""


def html(comment: str, unfolded: int) -> str:
    """The page of a comment, its first so many folds opened."""
    # In comments GitHub breaks a line where one was broken.
    shown = MarkdownIt("commonmark", {"html": True, "breaks": True}).enable("table").render(comment)
    return _PAGE.format(body=shown.replace("<details>", "<details open>", unfolded))


def main() -> None:
    """Read the comment, and write the picture."""
    comment, picture = Path(sys.argv[1]), Path(sys.argv[2])
    unfolded = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    with tempfile.TemporaryDirectory() as folder, Chromium() as browser:
        page = Path(folder) / "comment.html"
        page.write_text(html(comment.read_text(encoding="utf-8"), unfolded), encoding="utf-8")
        browser.open(page, width=WIDTH)
        height = browser.evaluate(
            "Math.ceil(document.documentElement.getBoundingClientRect().height)"
        )
        size = {"width": WIDTH, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.call("Emulation.setDeviceMetricsOverride", size)
        browser.screenshot(picture)


if __name__ == "__main__":
    main()
