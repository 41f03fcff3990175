"""Facts for the report of a listening test: set-up, level checks, exclusions, orders, exposure."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, Final

from soundcal.listening.answers import NOT_MONITORED, equalisations_of, predicted_level
from soundcal.listening.block_results import agreement_of_people, block_results
from soundcal.listening.plan import Visit, balance
from soundcal.listening.results import Results, TableRow
from soundcal.recording import counted
from soundcal.report.sections.listening_test import ListeningTest

__all__ = ["listening_test"]

_BROKEN: Final = ("failed", "invalid")


def listening_test(results: Results) -> ListeningTest:
    """Return what the report of a listening test tells besides the answers."""
    study = results.study
    people = results.participants
    codes = {person["code"] for person in people}
    sessions = [row for row in results.tables["session"] if row["participant"] in codes]
    numbers = {row["id"]: row["participant"] for row in sessions}
    played = [row for row in results.tables["presentation"] if row["session"] in numbers]
    return ListeningTest(
        setup=tuple(_setup(results, played)),
        warnings=tuple(_warnings(results, played)),
        sounds=tuple(_sounds(study.sound.conditions, _of_trials(played))),
        presentations=tuple(_presentations(study.sound.conditions, _of_trials(played))),
        checks=tuple(_checks(results.tables["level_check"])),
        exclusions=tuple(_exclusions(results, sessions)),
        orders=tuple(_orders(results)),
        exposure=tuple(_exposure(study.limits.exposure_pa2h, played, numbers)),
        opinions=tuple(_opinions(results)),
        agreement=tuple(
            (block, *row)
            for block, table in agreement_of_people(results).items()
            for row in table.itertuples(index=False)
        ),
    )


def _of_trials(played: Iterable[TableRow]) -> list[TableRow]:
    return [row for row in played if row["trial"] is not None]


def _setup(results: Results, played: Sequence[TableRow]) -> list[str]:
    study, people = results.study, results.participants
    states = Counter(person["state"] for person in people)
    versions = results.tables["study"]
    made = [f"version {row['version']} from {row['frozen_at'][:10]}" for row in versions]
    made[1:] = [
        f"{text} ({row['reason']})" for text, row in zip(made[1:], versions[1:], strict=True)
    ]
    devices = sorted({row["device"] for row in played})
    lines = [
        f"Study {study.id}, “{study.title}”: {'; '.join(made)}.",
        f"{counted(len(people), 'participant')} of {study.participants.planned} planned: "
        f"{states['finished']} finished, {states['stopped'] + states['declined']} stopped, "
        f"{states['joined'] + states['consented']} not at the end; {results.withdrawn} withdrew.",
    ]
    if devices:
        lines.append(f"Played by {', '.join(devices)}.")
    lines += [f"Sounds were equalised for {how}." for how in equalisations_of(played)]
    return lines


def _warnings(results: Results, played: Sequence[TableRow]) -> list[str]:
    found = []
    if played and results.study.sound.monitor == "none":
        found.append(
            f"Presentations were {NOT_MONITORED}: that each sound was complete is known from the "
            "numbers of frames and the driver's reports only."
        )
    checks = results.tables["level_check"]
    if not any(row["passed"] and row["kind"] != "ears_only" for row in checks):
        found.append("The level was not checked: no level check by coupler or voltage passed.")
    return found


def _sounds(conditions: Iterable[str], played: Sequence[TableRow]) -> list[tuple[Any, ...]]:
    rows = []
    for condition in conditions:
        own = [row for row in played if row["condition"] == condition]
        if not own:
            continue
        levels = [row["predicted_laeq"] for row in own]
        rows.append(
            (
                condition,
                ", ".join(sorted({row["calibration_id"] for row in own if row["calibration_id"]})),
                len({row["stimulus"] for row in own}),
                min(levels),
                max(levels),
                max(row["predicted_lafmax"] for row in own),
                max(row["predicted_lcpeak"] for row in own),
            )
        )
    return rows


def _presentations(conditions: Iterable[str], played: Sequence[TableRow]) -> list[tuple[Any, ...]]:
    rows = []
    for condition in conditions:
        own = [row for row in played if row["condition"] == condition]
        states = Counter(row["state"] for row in own)
        measured = [
            row["measured_db"] - expected
            for row in own
            if row["measured_db"] is not None and (expected := predicted_level(row)) is not None
        ]
        rows.append(
            (
                condition,
                len(own),
                states["done"],
                states["stopped"],
                states["interrupted"],
                sum(states[name] for name in _BROKEN),
                sum(row["verdict"] == "suspect" for row in own),
                max(measured, key=abs, default=None),
            )
        )
    return rows


def _checks(rows: Sequence[TableRow]) -> list[tuple[Any, ...]]:
    """Return the level checks; a drift is the change since the first that passed, of its kind."""
    found, first = [], dict[str, dict[str, float]]()
    for row in rows:
        deviations = {
            name: value
            for name, value in json.loads(row["deviations_json"]).items()
            if value is not None
        }
        opening = first.get(row["kind"], {})
        drifts = [value - opening[name] for name, value in deviations.items() if name in opening]
        if row["passed"]:
            first.setdefault(row["kind"], deviations)
        found.append(
            (
                row["at"][:16].replace("T", " "),
                row["kind"].replace("_", " "),
                "passed" if row["passed"] else "failed",
                max(deviations.values(), key=abs, default=None),
                max(drifts, key=abs, default=None),
                row["operator"] or None,
            )
        )
    return found


def _exclusions(results: Results, sessions: Sequence[TableRow]) -> list[str]:
    reasons = {
        (event["session"], json.loads(event["body"]).get("trial")): json.loads(event["body"])
        for event in results.tables["event"]
        if event["kind"] == "skipped"
    }
    lines = []
    for found in results.trials:
        if found.state == "skipped":
            session = next(
                row["id"]
                for row in sessions
                if (row["participant"], row["visit"]) == (found.participant, found.visit)
            )
            reason = reasons.get((session, found.id), {}).get("reason", "no reason stated")
            lines.append(
                f"{found.participant}: {found.trial.stimulus or found.trial.block} was skipped by "
                f"the assistant ({reason})."
            )
    for row in sessions:
        if row["state"] == "stopped":
            own = [
                found
                for found in results.trials
                if (found.participant, found.visit) == (row["participant"], row["visit"])
            ]
            done = sum(found.state == "answered" for found in own)
            why = f" ({row['reason']})" if row["reason"] else ""
            lines.append(
                f"{row['participant']}: stopped in visit {row['visit']} after {done} of "
                f"{counted(len(own), 'trial')}{why}."
            )
    return lines


def _orders(results: Results) -> tuple[str, ...]:
    plans: dict[str, dict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for found in results.trials:
        if found.state == "answered":
            plans[found.participant][found.visit].append(found.trial)
    if not plans:
        return ()
    done = [
        tuple(
            Visit(number, trials[0].condition, tuple(trials))
            for number, trials in sorted(visits.items())
        )
        for visits in plans.values()
    ]
    return balance(done).sentences()


def _opinions(results: Results) -> Iterable[tuple[Any, ...]]:
    for table in block_results(results).values():
        for row in table.to_dict("records") if "mos" in table.columns else ():
            ends = (row["low"], row["high"]) if row["n"] > 1 else (None, None)
            yield row["condition"], row["stimulus"], row["n"], row["mos"], *ends


def _exposure(limit: float, played: Sequence[TableRow], sessions: dict[int, str]) -> list[str]:
    days: dict[tuple[str, str], float] = defaultdict(float)
    for row in played:
        days[sessions[row["session"]], row["requested"][:10]] += row["exposure_pa2h"]
    if not days:
        return []
    return [
        f"Exposure of a person in a day (UTC): median {median(days.values()):.3g} Pa²h, largest "
        f"{max(days.values()):.3g} Pa²h, limit {limit:g} Pa²h. Levels are those at the ears, not "
        "referred to the diffuse field, which is on the safe side; every presentation counts in "
        "full, stopped and interrupted ones included."
    ]
