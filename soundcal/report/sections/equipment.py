"""Sections of a report about sessions, calibrations, files and software."""

from soundcal.calibration.model import Calibration
from soundcal.report import figures
from soundcal.report.document import Block, Column, Notice, Paragraph, Picture, Section, Table, slug
from soundcal.report.style import count
from soundcal.study import Study
from soundcal.study.rules import in_order

__all__ = ["equipment_section", "gains_table", "provenance_section"]


def equipment_section(study: Study) -> Section:
    """Return sessions and devices, and every calibration with its uncertainty."""
    blocks: list[Block | Section] = []
    if study.sessions:
        blocks.append(_session_table(study))
        if any(session.efforts for session in study.sessions):
            blocks.append(_effort_table(study))
        if any(session.flatness for session in study.sessions):
            blocks.append(_flatness_table(study))
        if any(session.drift for session in study.sessions):
            blocks.append(_drift_table(study))
    if study.calibrations:
        blocks.append(_calibration_table(study))
    blocks += [_calibration_section(calibration) for calibration in _in_time(study)]
    return Section("equipment", "Equipment and calibration", tuple(blocks))


def _in_time(study: Study) -> list[Calibration]:
    return sorted(study.calibrations.values(), key=lambda calibration: calibration.made)


def _session_table(study: Study) -> Table:
    return Table(
        "sessions",
        "Sessions",
        tuple(
            Column(title)
            for title in ("Session", "Protocol", "Device", "Started", "Ended", "Settings")
        ),
        tuple(
            (
                session.folder,
                session.protocol,
                session.device,
                session.started,
                session.exit_status,
                ", ".join(
                    f"{key} = {value}" for key, value in session.settings.items() if value != ""
                )
                or None,
            )
            for session in study.sessions
        ),
    )


def _effort_table(study: Study) -> Table:
    rows = [
        (session.folder, method, seconds / 60.0, str(hands))
        for session in study.sessions
        for method, (seconds, hands) in session.efforts.items()
    ]
    return Table(
        "efforts",
        "Time of playing and recording and actions by hand that each method takes by itself, "
        "without the recordings that only serve to compare",
        (
            Column("Session"),
            Column("Method"),
            Column("Time (min)", "number", decimals=1),
            Column("Actions by hand"),
        ),
        tuple(rows),
    )


def _flatness_table(study: Study) -> Table:
    rows = [
        (session.folder, ear, middle, wide)
        for session in study.sessions
        for ear, (middle, wide) in session.flatness.items()
    ]
    return Table(
        "flatness",
        "Equalised headphones as they sat during the recordings: largest deviation from the level "
        "at 1 kHz",
        (
            Column("Session"),
            Column("Ear"),
            Column("100 Hz to 10 kHz (dB)", "number", decimals=2),
            Column("50 Hz to 16 kHz (dB)", "number", decimals=2),
        ),
        tuple(rows),
    )


def _drift_table(study: Study) -> Table:
    rows = [
        (session.folder, ear, change, session.settings.get("drift_limit"))
        for session in study.sessions
        for ear, change in session.drift.items()
    ]
    return Table(
        "drift",
        "Change of the ears' sensitivity from the calibration before to the one after",
        (
            Column("Session"),
            Column("Ear"),
            Column("Change (dB)", "signed", decimals=3),
            Column("Limit (dB)", "number", decimals=3),
        ),
        tuple(rows),
    )


def gains_table(study: Study, combination: str) -> Table | None:
    """Return target levels and playback gains of one combination; None if there are none."""
    own = [
        source
        for source in study.sources
        if source.combination == combination and source.gain_db is not None
    ]
    if not own:
        return None
    methods = in_order(source.condition for source in own)
    gains = {(source.stimulus, source.condition): source.gain_db for source in own}
    targets = {source.stimulus: source.target for source in own}
    return Table(
        slug("gains", combination),
        "Target level, and gain at which the stimulus was played, in dB relative to its file",
        (
            Column("Stimulus"),
            Column("Target (dB)", "number", "dB"),
            *(Column(method, "signed", "dB", "Gain (dB)") for method in methods),
        ),
        tuple(
            (stimulus, targets[stimulus], *(gains.get((stimulus, m)) for m in methods))
            for stimulus in sorted(targets)
        ),
    )


def _calibration_table(study: Study) -> Table:
    rows = []
    for calibration in _in_time(study):
        for channel, chain in calibration.chains.items():
            # a sensitivity that was stated without its uncertainty is not certain
            known = chain.u_db > 0.0
            expanded, k = chain.expanded()
            rows.append(
                (
                    calibration.id,
                    calibration.method,
                    calibration.direction,
                    channel,
                    chain.gain_db,
                    chain.u_db if known else None,
                    expanded if known else None,
                    f"{k:.2f}" if known else None,
                )
            )
    columns = (
        Column("Calibration"),
        Column("Method"),
        Column("Direction"),
        Column("Channel"),
        Column("dB re 1 Pa/FS", "number", "dB"),
        Column("u (dB)", "number", "dB"),
        Column("U 95 % (dB)", "number", "dB"),
        Column("k"),
    )
    return Table(
        "calibrations",
        "Calibrations: sensitivity in dB re 1 Pa per digital full scale (FS), standard and "
        "expanded uncertainty (– if not stated), coverage factor k",
        columns,
        tuple(rows),
    )


def _calibration_section(calibration: Calibration) -> Section:
    blocks: list[Block] = [
        Paragraph(f"{calibration.id}, device: {calibration.device}."),
        *(Notice(text) for text in calibration.details.get("warnings", ())),
        _budget_table(calibration),
    ]
    if any(chain.u_db > 0 for chain in calibration.chains.values()):
        blocks.append(
            Picture(
                slug("budget", calibration.id),
                f"Uncertainty budget of {calibration.id}",
                "Bars of the standard uncertainty of each link and of all links combined, per "
                "channel; the numbers are in the table above.",
                "Standard uncertainty of every link, in dB; combined as the root of the sum of "
                "squares (JCGM 100:2008, 5.1.2).",
                lambda: figures.budget_bars(calibration),
            )
        )
    what = [f"{calibration.method} ({calibration.direction})", calibration.device]
    heading = f"Budget: {', '.join(filter(None, what))}, made {calibration.made}"
    return Section(slug("calibration", calibration.id), heading, tuple(blocks), folded=True)


def _budget_table(calibration: Calibration) -> Table:
    columns = (
        Column("Link"),
        Column("Channel"),
        Column("Gain (dB)", "signed", "dB"),
        Column("u (dB)", "number", decimals=3),
        Column("Degrees of freedom"),
        Column("Share of the variance (%)", "number", decimals=1),
        Column("Source"),
    )
    rows = tuple(
        (
            row["name"],
            channel,
            row["gain_db"],
            row["u_db"],
            "∞" if row["dof"] is None else f"{row['dof']:.1f}",
            100.0 * row["share"],
            row["source"] or None,
        )
        for channel, chain in calibration.chains.items()
        for row in chain.budget()
    )
    return Table(
        slug("budget-table", calibration.id),
        f"Uncertainty budget, {calibration.method} ({calibration.direction})",
        columns,
        rows,
    )


def provenance_section(study: Study) -> Section:
    """Return software versions and every file with its checksum."""
    software = tuple((name, version) for name, version in study.software.items())
    tables = [Table("software", "Software", (Column("Name"), Column("Version")), software)]
    text = ", ".join(map(" ".join, software))
    heading = "Software"
    if study.sources:
        titles = ("File", "Condition", "Stimulus", "Equipment", "Calibration", "SHA-256")
        rows = tuple(
            (
                source.path,
                source.condition,
                source.stimulus,
                source.combination or None,
                source.calibration,
                source.sha256,
            )
            for source in study.sources
        )
        tables.append(Table("sources", "Recordings", tuple(map(Column, titles)), rows))
        text += f"; {count(len(rows), 'recording')}"
        heading = "Software, recordings and their checksums"
    details = Section("files", heading, tuple(tables), folded=True, on_paper="file")
    return Section("provenance", "Provenance", (Paragraph(f"{text}."), details))
