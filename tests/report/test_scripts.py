from __future__ import annotations

import json
from pathlib import Path

import small_study
from script_runs import run_program

from warmline.figures import registry
from warmline.figures.formats import to_html, to_pdf, to_svg
from warmline.tables.audit_counts import COSTS

SCRIPTS = Path(__file__).parents[2] / "scripts"


def study_in(folder: Path) -> Path:
    (folder / "statistics").mkdir(parents=True)
    tables = (
        "accuracy",
        "mean_errors",
        "paired_tests",
        "refusals",
        "refusal_sensitivity",
        "sycophancy",
        "adoption",
        "robustness",
        "equivalence",
        "manipulation",
        "warmth",
        "markers",
    )
    for name in (*tables, "realised", "labels"):
        getattr(small_study, name)().write_csv(folder / f"statistics/{name}.csv")
    (folder / "audit").mkdir()
    small_study.checks().write_csv(folder / "audit/checks.csv")
    COSTS.schema.to_frame().write_csv(folder / "audit/costs.csv")
    return folder


def test_a_figure_is_drawn_in_another_process_to_the_same_bytes(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    (study / "vega.js").write_text("// draws")
    outcome = run_program(
        *("figures/draw.py", study, "--library", "vega.js"),
        *("--figure", "changes", "--title", "Changes", "--data"),
        *(
            "statistics/paired_tests.csv",
            "--svg",
            "figures/a.svg",
            "--pdf",
            "figures/a.pdf",
            "--html",
            "figures/a.html",
        ),
        *("--data-used", "figures/a.csv"),
    )
    assert outcome.returncode == 0, outcome.stderr
    changes = registry.figure("changes")
    data = changes.prepare(small_study.paired_tests())
    assert (tmp_path / "figures/a.csv").read_text() == data.write_csv()
    drawn = changes.draw(data, "Changes")
    assert (tmp_path / "figures/a.svg").read_text() == to_svg(drawn)
    assert (tmp_path / "figures/a.pdf").read_bytes() == to_pdf(to_svg(drawn))
    assert (tmp_path / "figures/a.html").read_text() == to_html(drawn, "// draws")


def test_a_study_is_reported_to_the_same_bytes_wherever_it_lies(tmp_path: Path) -> None:
    pages = []
    for study in (study_in(tmp_path / "here"), study_in(tmp_path / "there" / "deeper")):
        outcome = run_program(
            *("report/write.py", study, "--study", "demo", "--note", "A note.", "--report", "report/index.html"),
            *("--accuracy", "statistics/accuracy.csv", "--mean-errors", "statistics/mean_errors.csv"),
            *("--paired-tests", "statistics/paired_tests.csv"),
            *("--manipulation", "statistics/manipulation.csv", "--markers", "statistics/markers.csv"),
            *("--warmth", "statistics/warmth.csv", "--costs", "audit/costs.csv"),
            *("--refusals", "statistics/refusals.csv", "--sensitivity", "statistics/refusal_sensitivity.csv"),
            *("--checks", "audit/checks.csv", "--sycophancy", "statistics/sycophancy.csv"),
            *("--adoption", "statistics/adoption.csv"),
            *("--robustness", "statistics/robustness.csv", "--equivalence", "statistics/equivalence.csv"),
            *("--realised", "statistics/realised.csv", "--labels", "statistics/labels.csv"),
            *("--record", "audit/jobs/report/all"),
        )
        assert outcome.returncode == 0, outcome.stderr
        pages.append((study / "report/index.html").read_text())
    assert pages[0] == pages[1]
    assert 'href="../statistics/warmth.csv"' in pages[0]
    assert str(tmp_path) not in pages[0]
    record = json.loads((study / "audit/jobs/report/all.jsonl").read_text())
    templates = {name: [Path(path).name for path in record["inputs"][name]] for name in ("template", "base")}
    assert templates == {"template": ["report.html"], "base": ["page.html"]}


def test_a_statistic_that_does_not_fit_the_figure_is_named(tmp_path: Path) -> None:
    small_study.warmth().write_csv(tmp_path / "warmth.csv")
    outcome = run_program(
        *("figures/draw.py", tmp_path, "--figure", "changes", "--title", "Changes", "--data", "warmth.csv"),
        *("--library", "vega.js", "--svg", "a.svg", "--pdf", "a.pdf", "--html", "a.html", "--data-used", "a.csv"),
    )
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("error: warmth.csv: the columns ['task', 'context'")
