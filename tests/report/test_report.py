"""The report: one page that needs nothing else, says the numbers, and can be read aloud."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from report_tables import STATISTICS, of_columns, tidy
from scipy.stats import t

from soundcal.agreement import nonparametric_limits, regression_limits
from soundcal.calibration.model import Chain, Link, new_calibration
from soundcal.cli import main
from soundcal.errors import ParameterError, RecordError
from soundcal.report import study_document, study_summary, write_document, write_report
from soundcal.report.document import Column, Document, Paragraph, Picture, Section, Table
from soundcal.report.figures import VERDICT_WORDS
from soundcal.report.html import render_html
from soundcal.report.paper import bands
from soundcal.report.pdf import render_pdf
from soundcal.report.style import value_text
from soundcal.study import (
    Rules,
    SessionInfo,
    Source,
    Study,
    read_differences,
    read_table,
    study_of,
)

VOID = {"meta", "link", "br", "img", "hr", "input", "use"}


class Page(HTMLParser):
    """Collects what the tests ask of a page, and refuses tags that are not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.svgs: list[dict[str, str | None]] = []
        self.headers: list[dict[str, str | None]] = []
        self.tables = 0
        self.captions = 0
        self.tags: set[str] = set()
        self.text: list[str] = []
        self.feed(text.replace("<wbr>", ""))  # only a place where a name may be broken
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        self.references += [
            str(given[k]) for k in ("href", "src", "data", "xlink:href") if k in given
        ]
        if tag == "svg":
            self.svgs.append(given)
        if tag == "th":
            self.headers.append(given)
        self.tables += tag == "table"
        self.captions += tag == "caption"

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def study(stimuli: int | list[str] = 27, **settings) -> Study:
    calibration = new_calibration(
        "calibrator",
        "input",
        {
            ear: Chain(
                (
                    Link("sound calibrator", -12.3, 0.13, source="certificate"),
                    Link("repeated insertions", 0.0, 0.05, 4.0, source="measured"),
                )
            )
            for ear in ("left", "right")
        },
    )
    return replace(
        study_of(tidy(stimuli, **settings), rules=Rules(delta={"LAeq": 1.0})),
        calibrations={calibration.id: calibration},
        sources=(
            Source("a.wav", "ab" * 32, "ocv", "S001", "", calibration.id, ("left: 3 clipped",)),
        ),
        sessions=(SessionInfo("s1", "compare_methods", "sim:lab", "2026", "done", {"seed": 7}),),
    )


@pytest.fixture(scope="module")
def whole() -> Study:
    return study(families=tuple(STATISTICS))


@pytest.fixture(scope="module")
def text(whole: Study) -> str:
    return render_html(study_document(whole))


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_the_page_needs_nothing_else(page: Page, text: str) -> None:
    assert all(reference.startswith("#") for reference in page.references)
    assert {reference[1:] for reference in page.references} <= set(page.ids)
    assert not page.tags & {"script", "link", "img", "iframe", "object"}
    assert "@import" not in text
    assert all(target.startswith("#") for target in re.findall(r"url\((.*?)\)", text))
    assert len(text.encode()) < 5e6


def test_ids_are_unique(page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))


def test_figures_and_tables_can_be_read_aloud(page: Page, text: str, whole: Study) -> None:
    pictures = study_document(whole).pictures()
    assert len(page.svgs) == len(pictures) == len(STATISTICS) + 4
    for svg in page.svgs:
        title, description = str(svg["aria-labelledby"]).split()
        assert svg["role"] == "img"
        assert re.search(rf'<title id="{title}">[^<]+</title>', text)
        assert re.search(rf'<desc id="{description}">[^<]+</desc>', text)
    tables = [band for table in study_document(whole).tables() for band in bands(table)]
    assert page.tables == page.captions == len(tables)
    assert all(header.get("scope") in ("col", "row", "colgroup") for header in page.headers)
    assert '<html lang="en">' in text
    assert text.count("<h1") == 1


def test_every_svg_is_well_formed(text: str) -> None:
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        root = ElementTree.fromstring(svg)
        inside = {node.get("id") for node in root.iter()}
        used = set(re.findall(r'(?:url\(|href=")#([\w-]+)', svg))
        assert used
        assert used <= inside


def test_printed_numbers_are_those_of_the_agreement(whole: Study, page: Page) -> None:
    cells = [text for text in page.text if text.strip()]
    # the first table with these cells is that of the agreement, later ones are overwritten
    starts = [i for i in reversed(range(len(cells) - 9)) if cells[i + 2] == "27"]
    rows = {(cells[i], cells[i + 1]): cells[i + 2 : i + 10] for i in starts}
    for entry in whole.comparison.entries:
        a = entry.agreement
        n, bias, bias_ci, sd, lower, lower_ci, upper, upper_ci = rows[entry.label, entry.direction]

        def printed(*values: float, unit: str = entry.unit) -> str:
            return " to ".join(value_text(value, unit, signed=True) for value in values)

        assert n == str(a.n)
        assert sd == value_text(a.sd, entry.unit)
        assert (bias, lower, upper) == (printed(a.bias), printed(a.lower), printed(a.upper))
        intervals = (a.bias_ci, a.lower_ci, a.upper_ci)
        assert (bias_ci, lower_ci, upper_ci) == tuple(printed(*ci) for ci in intervals)
    lead = whole.comparison.entry("LAeq", "in-situ", "ocv").agreement
    assert f"LAeq, in-situ − ocv = {value_text(lead.bias, 'dB', signed=True)} dB(A)" in " ".join(
        study_summary(whole)
    )


def test_the_table_of_a_family_holds_its_entries_in_order(whole: Study) -> None:
    tables = {table.name: table for table in study_document(whole).tables()}
    table = tables["agreement-table-la"]
    entries = whole.comparison.family("LA")
    assert [row[:2] for row in table.rows] == [(e.label, e.direction) for e in entries]
    assert [row[3] for row in table.rows] == [e.agreement.bias for e in entries]
    assert [row[9] for row in table.rows] == [e.agreement.upper_ci for e in entries]


def test_the_methods_say_what_was_done(whole: Study, page: Page) -> None:
    told = " ".join(page.text)
    for words in (
        "in-situ − ocv, in-situ − hats, hats − ocv",
        "arithmetic mean of both ears",
        "noncentral t",
        "method for all 117 tests",
        "LAeq ±1",
        f"soundcal {whole.software['soundcal']}",
        "Seed of session s1: 7",
        "left: 3 clipped",
        "sound calibrator",
        "to be given by the user",
    ):
        assert words in told, words


def test_hostile_names_are_shown_not_run() -> None:
    names = ["<script>alert(1)</script>", 'a"onload="x', "$\\frac{1}{0}$", "雨 & wind", "ok"]
    table = tidy(names, ("LA",), 1)
    table["condition"] = table["condition"].replace("ocv", "<img src=x>")
    text = render_html(study_document(study_of(table, title="<b>title</b>")))
    page = Page(text)
    assert not page.tags & {"script", "img"}
    told = " ".join(page.text)
    for name in [*names, "<b>title</b>", "<img src=x>"]:
        assert name in told


def test_pdf_has_the_same_content_and_the_same_bytes_every_time(tmp_path: Path) -> None:
    made = study(["<b>", "ok", "long name of a stimulus " * 3], families=("LA",), statistics=1)
    document = study_document(made)
    page, path = write_document(document, tmp_path / "r.html", pdf=True)
    content = path.read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert content.count(b"/Subtype /Image") >= len(document.pictures())
    assert render_pdf(study_document(made)) == content
    page.unlink()
    with pytest.raises(RecordError, match="already exists"):
        write_document(document, page, pdf=True)
    assert not page.exists()


def test_wide_tables_fit_the_page_of_the_pdf() -> None:
    long = "sim:interface+open-300 " * 8
    columns = (Column("Name"), *(Column(f"value {i}", "number", "dB") for i in range(18)))
    row = ("W01", *(-123.456 for _ in range(18)))
    narrow = Table("n", "numbers", columns, (row,) * 200)
    texts = Table("t", "texts", tuple(Column(f"column {i}") for i in range(6)), ((long,) * 6,) * 30)
    document = Document("Title", "", (Section("s", "Section", (narrow, texts)),))
    assert render_pdf(document).startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("n", "families"), [(3, ("LA",)), pytest.param(500, ("LA", "N"), marks=pytest.mark.long)]
)
def test_few_and_many_stimuli(n: int, families: tuple[str, ...]) -> None:
    text = render_html(study_document(study(n, families=families, statistics=2)))
    assert len(Page(text).svgs) == len(families) + 4
    assert len(text.encode()) < 2e6
    assert ("not informative" in text) == (n == 3)
    assert ("the 40 of 500 that differ most" in text) == (n == 500)


def test_one_method_is_a_report_without_a_comparison() -> None:
    table = tidy(3, ("LA",))
    alone = Study("One", table[table["condition"] == "ocv"], {})
    assert "the values of each, and no comparison" in render_html(study_document(alone))


def test_write_gives_the_page_and_tables_that_read_back(tmp_path: Path) -> None:
    made = study(5)
    path = write_report(made, tmp_path / "out")
    assert path == tmp_path / "out" / "report.html"
    Page(path.read_text(encoding="utf-8"))
    again = read_table(str(tmp_path / "out" / "indicators.csv"))
    pd.testing.assert_frame_equal(again, made.table, check_dtype=False)
    agreement = pd.read_csv(tmp_path / "out" / "agreement.csv", keep_default_na=False)
    assert list(agreement["bias"]) == [e.agreement.bias for e in made.comparison.entries]
    tables = json.loads((tmp_path / "out" / "tables.json").read_text())
    assert tables["schema"] == "soundcal/report-tables/1"
    assert len(tables["report"]) == len(study_document(made).tables())
    assert len(tables["differences"]["stimulus"]) == 5 * len(made.comparison.entries)
    for table in study_document(made).tables():
        frame = pd.read_csv(tmp_path / "out" / "tables" / f"{table.name}.csv")
        assert len(frame) == len(table.rows)
    with pytest.raises(RecordError, match="already exists"):
        write_report(made, tmp_path / "out")
    assert write_report(made, tmp_path / "out", force=True) == path
    differences = read_differences(str(tmp_path / "out" / "differences.csv"))
    assert len(differences) == len(made.differences())
    with pytest.raises(TypeError, match="not MethodComparison"):
        write_report(made.comparison, tmp_path / "other")


def names_in(section: Section) -> list[str]:
    found = []
    for block in section.blocks:
        found += names_in(block) if isinstance(block, Section) else []
        found += [block.name] if isinstance(block, Picture | Table) else []
    return found


def test_agreement_leads_the_summary_and_its_figures_fit_a_page() -> None:
    rules = Rules(delta={"N": 0.8, "S": "5 %"}, jnd="jnd")
    made = study_of(tidy(27, tuple(STATISTICS)), rules=rules)
    first, *_, of_all, bias, _, _ = study_summary(made)
    assert first.startswith("in-situ − ocv, indicators with limits of agreement beyond ")
    assert "tests at a level of 5 % show agreement" in of_all
    assert bias.startswith("LAeq, in-situ − ocv = ")
    document = study_document(made)
    names = [picture.name for picture in document.pictures()]
    # 34 indicators in three pairs of methods: one page each
    assert names[:4] == [
        "equivalence-figure",
        "equivalence-figure-1",
        "equivalence-figure-2",
        "overview-figure",
    ]
    tables = {table.name: table for table in document.tables()}
    rows = tables["equivalence-table"].rows
    tested = made.comparison.tested
    assert len(rows) == len(tested) == 34 * 3
    of_row = {(row[0], row[1]): row for row in rows}
    for entry in tested:
        row, found = of_row[entry.label, entry.direction], entry.equivalence
        assert found is not None
        assert row[3:7] == (found.bias, found.bias_ci, (found.lower, found.upper), found.bounds)
        assert row[7] == VERDICT_WORDS[found.verdict]
        assert row[8:] == (found.p_value, found.p_adjusted)
    sensitivity = {(row[0], row[1]): row for row in tables["sensitivity-table"].rows}
    shown = made.comparison.entry("T5", "in-situ", "hats").sensitivity
    assert shown is not None
    assert sensitivity["T5", "in-situ − hats"][4:6] == (shown.bias, shown.delta)
    told = " ".join(Page(render_html(document)).text)
    for words in (
        "intersection-union",
        "applied to all statistics but peak. Source: ISO 3382-1:2009, Annex A (informative), Table "
        "A.1 (quoted in the documentation",
        "Fastl & Zwicker, Psychoacoustics",
        "no published just noticeable difference for T in the set jnd",
    ):
        assert words in told, words


def test_verdicts_in_words_claim_no_more_than_the_test() -> None:
    table = tidy(27, ("LA",), 1)
    for delta, outcome, family in (
        (9.0, "agree within their allowable difference: 1", "The test at a level of 5 % shows"),
        (0.4, "with limits of agreement beyond their allowable difference: 1", "None of 1 test"),
    ):
        methods, rules = ["in-situ", "hats"], Rules(delta={"LAeq": delta})
        verdict, tests, _ = study_summary(study_of(table, methods=methods, rules=rules))
        assert outcome in verdict
        assert tests.startswith(family)


@pytest.mark.parametrize("interval", ["exact", "1999", "1986", "pair", "mover"])
@pytest.mark.parametrize("ears", ["mean", "both"])
def test_bounds_are_said_to_lie_inside_intervals_where_they_do(ears: str, interval: str) -> None:
    if ears == "both" and interval in ("1986", "pair"):
        return
    for n in (3, 5, 27):
        rules = Rules(delta={"LAeq": 1.0}, interval=interval, ears=ears)
        made = study_of(tidy(n, ("LA",), 1), rules=rules)
        (table,) = [t for t in study_document(made).tables() if t.name == "delta"]
        inside = [
            entry.agreement.lower_ci[0] <= entry.equivalence.test.limits.bounds[0]
            and entry.equivalence.test.limits.bounds[1] <= entry.agreement.upper_ci[1]
            for entry in made.comparison.tested
        ]
        assert all(inside) or "they lie inside" not in table.caption


def test_without_an_allowable_difference_the_report_says_how_to_state_one() -> None:
    made = study_of(tidy(9, ("LA",), 1))
    *_, text = study_summary(made)
    assert text.startswith("No allowable difference was stated")
    assert "--delta jnd" in text
    assert "equivalence-figure" not in [p.name for p in study_document(made).pictures()]


def test_several_combinations_are_summed_up_in_one_sentence_per_difference() -> None:
    tables = [tidy(6, ("LA",), 1, seed=i).assign(combination=f"c{i}") for i in range(3)]
    made = study_of(pd.concat(tables), rules=Rules(delta={"LAeq": 1.0}))
    *agreement, within, first, second, third = study_summary(made)
    verdicts = {
        c.entry("LAeq", "in-situ", "hats").equivalence.verdict for c in made.comparisons.values()
    }
    assert verdicts == {"within", "undecided"}
    assert agreement[1] == (
        "in-situ − hats, indicators that agree within their allowable difference in some, "
        "undecided in the others: 1 (LAeq)."
    )
    assert agreement[0].startswith("in-situ − ocv, indicators with limits of agreement beyond ")
    assert agreement[0].endswith(" in all of 3 combinations: 1 (LAeq).")
    shown = sum(entry.within_delta for c in made.comparisons.values() for entry in c.entries)
    assert 0 < shown < 9
    assert within.startswith(f"{shown} of 9 tests at a level of 5 % show agreement")
    assert "within each combination of equipment" in within
    sentences = [first, second, third]
    biases = [c.entry("LAeq", "in-situ", "ocv").agreement.bias for c in made.comparisons.values()]
    for bias in (min(biases), max(biases)):
        assert value_text(bias, "dB", signed=True) in sentences[0]
    sections = {section.name: section for section in study_document(made).sections}
    assert not any(name.startswith("equivalence") for name in names_in(sections["summary"]))
    assert "equivalence-figure-c1" in names_in(sections["agreement-c1"])
    tables_by_name = {table.name: table for table in study_document(made).tables()}
    assert len(tables_by_name["overview"].rows) == 9
    claims = tables_by_name["delta-c1"].rows
    assert [row[5] for row in claims[3:6]] == ["yes", "yes", "yes"]  # in-situ − hats
    Page(render_html(study_document(made)))


def test_names_that_look_alike_do_not_share_ids() -> None:
    names = ("a+b", "a b", "耳机", "наушники")
    tables = [tidy(3, ("LA",), 1).assign(combination=name) for name in names]
    page = Page(render_html(study_document(study_of(pd.concat(tables)))))
    assert len(page.ids) == len(set(page.ids))
    assert {reference[1:] for reference in page.references} <= set(page.ids)


@pytest.mark.long
def test_figures_as_files(tmp_path: Path) -> None:
    made = study(4, families=("LA",), statistics=1)
    drawn: list[tuple[float, float]] = []
    write_report(
        made,
        tmp_path,
        figures=("svg", "png", "pdf"),
        progress=lambda done, title, total: drawn.append((done, total)),
    )
    assert drawn == [(number, len(drawn)) for number in range(1, len(drawn) + 1)]
    starts = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}
    for picture in study_document(made).pictures():
        for form, start in starts.items():
            assert (tmp_path / "figures" / f"{picture.name}.{form}").read_bytes().startswith(start)
    with pytest.raises(ParameterError, match="figure format 'gif'"):
        write_report(made, tmp_path / "other", figures=("gif",))
    assert not (tmp_path / "other").exists()


def test_numbers_as_ids_stay_text(tmp_path: Path) -> None:
    table = tidy(["007", "1e3", "NA"], ("LA",), 1)
    table.to_csv(tmp_path / "t.csv", index=False)
    assert set(read_table(tmp_path / "t.csv")["stimulus"]) == {"007", "1e3", "NA"}


def test_other_limits_stand_beside_those_that_do_not_fit() -> None:
    table = tidy(60, ("LA", "N"), 1)
    sloping = (table["condition"] == "hats") & (table["indicator"] == "N")
    table.loc[sloping, "value"] *= 1.3
    skewed = (table["condition"] == "ocv") & (table["indicator"] == "LA")
    table.loc[skewed, "value"] += np.repeat(np.linspace(0.0, 2.0, 60) ** 4, 2)
    study = study_of(table)
    document = study_document(study)
    found = {one.name: one for one in document.tables()}
    entry = study.comparison.entry("N5", "in-situ", "hats")
    limits = regression_limits(entry.agreement)
    rows = [row for row in found["lines-n"].rows if row[1] == entry.direction]
    assert [row[2] for row in rows] == np.quantile(entry.averages, [0.25, 0.5, 0.75]).tolist()
    assert [row[3] for row in rows] == limits.bias([row[2] for row in rows]).tolist()
    assert rows[2][6] == limits.limits(rows[2][2])[1]
    assert rows[2][7] == tuple(limits.bands(rows[2][2])[f"upper_{end}"] for end in ("low", "high"))
    entry = study.comparison.entry("LAeq", "in-situ", "ocv")
    (row,) = (row for row in found["quantiles-la"].rows if row[1] == entry.direction)
    quantiles = nonparametric_limits(entry.agreement)
    assert (row[2], row[3], row[4]) == (quantiles.bias, quantiles.lower, quantiles.lower_ci)
    assert "order statistics" in found["quantiles-la"].caption
    # the plain limits stay what is stated
    assert entry.agreement.upper in {row[8] for row in found["agreement-table-la"].rows}
    assert "Other limits" not in render_html(study_document(study_of(tidy(27, ("LA",), 1, seed=2))))


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tidy(5).to_csv(tmp_path / "t.csv", index=False)
    page = tmp_path / "out.html"
    arguments = ["compare", str(tmp_path / "t.csv"), "--methods", "in-situ", "ocv"]
    arguments += ["--delta", "jnd", "N5=5%", "--answer", "16=None declared."]
    assert main([*arguments, "--report", str(page), "--json"]) == 0
    told = capsys.readouterr()
    result = json.loads(told.out)
    assert result["schema"] == "soundcal/comparison/1"
    assert len(result["agreement"]) == 11
    assert (result["rules"]["delta"], result["rules"]["jnd"]) == ({"N5": "5%"}, "jnd")
    assert sum(row["within_delta"] is not None for row in result["agreement"]) == 7
    assert "LAeq, in-situ − ocv" in told.err
    assert "None declared." in page.read_text(encoding="utf-8")
    assert main([*arguments, "--report", str(page)]) == 5
    excluded = [*arguments, "--exclude", "S001=a <door> slammed", "--report", str(page), "--force"]
    assert main([*excluded, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert {row["n"] for row in result["agreement"]} == {4}
    assert result["rules"]["excluded"] == {"S001": "a <door> slammed"}
    assert "left out: S001 (a &lt;door&gt; slammed)" in page.read_text(encoding="utf-8")
    assert main([*arguments, "--report", str(page), "--force", "--pdf"]) == 0
    assert page.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    folder = tmp_path / "all"
    assert main([*arguments, "--out", str(folder), "--figures", "svg", "pdf"]) == 0
    assert len(list((folder / "figures").glob("*.svg"))) == 5
    assert len(list((folder / "figures").glob("*.pdf"))) == 5


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["missing.csv"], 5),
        (["t.csv", "--methods", "in-situ", "nobody"], 2),
        (["t.csv", "--delta", "LAeq"], 2),
        (["t.csv", "--delta", "jnd:x"], 2),
        (["t.csv", "--delta", "jnd", "jnd:noise"], 2),
        (["t.csv", "--delta", "N=x%"], 2),
        (["t.csv", "--paper", "--ears", "max"], 2),
        (["t.csv", "--pdf"], 2),
        (["t.csv", "--exclude", "S001"], 2),
        (["t.csv", "--exclude", "S001="], 2),
        (["t.csv", "--exclude", "S999=gone"], 2),
        (["t.csv", "--report", "o.html", "--figures", "png"], 2),
        (["t.csv", "--answer", "99=x", "--report", "o.html"], 2),
        (["empty.csv"], 5),
    ],
)
def test_command_with_bad_input(
    arguments: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tidy(4).to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "empty.csv").touch()
    monkeypatch.chdir(tmp_path)
    assert main(["compare", *arguments]) == code
    assert not (tmp_path / "o.html").exists()
    assert not list(tmp_path.glob(".*part*"))


def test_importing_the_report_is_cheap() -> None:
    code = "import sys, soundcal.report, soundcal.report.figures; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert not {"matplotlib", "pandas", "jinja2", "scipy"} & set(done.stdout.split())


@pytest.mark.parametrize("scale", ["difference", "ratio", "percent"])
def test_an_interval_that_shows_a_difference_is_printed_apart_from_none(scale: str) -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0.0, 1.0, 27)
    noise -= noise.mean()
    half = t.ppf(0.975, 26) * noise.std(ddof=1) / np.sqrt(27)
    y = np.full(27, 20.0)
    x = y * np.exp(0.001 * (noise - half - 0.01))
    table = of_columns(pd.DataFrame({"a": x, "b": y}, index=[f"s{i:02d}" for i in range(27)]))
    text = study_summary(study_of(table, rules=Rules(scale=scale)))[0]
    assert "b gives higher values than a" in text
    (end,) = re.findall(r"to ([−+.\d]+)\): b gives", text)
    assert float(end.replace("−", "-")) < (1.0 if scale == "ratio" else 0.0)


def test_an_option_in_a_text_stays_whole() -> None:
    text = "State one, e.g. --delta LAeq=1, for a<b"
    section = Section("summary", "Summary", (Paragraph(text),))
    page = render_html(Document("Title", "subtitle", (section,)))
    assert '<span class="option">--delta</span> LAeq=1, for a&lt;b' in page
    assert ".option { white-space: nowrap; }" in page
