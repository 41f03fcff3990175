"""Every command of the guide runs and prints what its page shows."""

import shutil
from pathlib import Path

import guide_pages
import pytest

PAGES = sorted(path.stem for path in guide_pages.GUIDE.glob("*.md"))
DEAR = {
    "accuracy_and_limits",
    "calibrating_ears",
    "calibrating_headphones",
    "comparing",
    "listening_tests",
    "measuring",
    "months_of_sound",
    "prominent_tones",
    "protocols_and_sessions",
    "ratings",
    "responses",
}
"""Pages that need more than 3 s; the first steps of a new user are always taken."""

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.long) if name in DEAR else name for name in PAGES],
)
def test_a_page_shows_what_happens(name: str, tmp_path: Path) -> None:
    found = guide_pages.problems(name, tmp_path)
    assert not found, "\n\n".join(found)


def test_every_picture_is_shown() -> None:
    text = "".join((guide_pages.GUIDE / f"{name}.md").read_text("utf-8") for name in PAGES)
    text += (guide_pages.GUIDE.parents[1] / "README.md").read_text(encoding="utf-8")
    figures = [path.name for path in guide_pages.GUIDE.glob("figures/*")]
    assert [name for name in figures if f"figures/{name})" not in text] == []


PAGE = """\
# Trial

```csv file=levels.csv
a,b
1,2
```

```console
$ cat levels.csv
a,b
...
$ cat > other.csv <<END
> 3
>
> END
$ wc -l < other.csv; soundcal frobnicate || true
2
usage: soundcal ...
$ soundcal --version
?
$ ls missing.csv
$ printf x > figures/trial-x.png
```

```python
>>> from pathlib import Path
>>> Path("levels.csv").read_text()
'a,b\\n1,...
>>> n = len(list(Path(".").glob("*.csv")))
>>> n
3
```

```python
assert n == 2
```

```sh
exit 1
```

![a trial](figures/trial-x.png) ![nothing](figures/trial-y.png) ![](figures/trial-x.png)
"""


def test_what_differs_is_said_and_the_real_output_is_written(tmp_path: Path) -> None:
    page = guide_pages.Page("trial", PAGE, tmp_path)
    text = page.run()
    version, missing, n, no_figure, no_words = page.problems
    assert version.startswith("line 19: soundcal --version")
    assert missing.startswith("line 21: ls missing.csv\nexit code 2")
    assert n == "line 30: n\n@@ -1 +1 @@\n-3\n+2"
    assert no_figure == "figures/trial-y.png: was written by no command of the page"
    assert no_words == "figures/trial-x.png: has no words that say what one sees"
    assert "$ soundcal --version\nsoundcal 0." in text
    assert ">>> n\n2\n```" in text
    changed = [line for line in PAGE.splitlines() if line not in text.splitlines()]
    assert changed == ["?", "3"]
    assert "missing.csv\n$ printf" in text
