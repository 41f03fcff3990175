"""The tables of a study's database, and the steps that lead from older ones to today's."""

from typing import Final

__all__ = ["MIGRATIONS"]

_FIRST: Final = """
CREATE TABLE study (
    version INTEGER PRIMARY KEY, toml TEXT NOT NULL, sha256 TEXT NOT NULL,
    files_json TEXT NOT NULL,      -- {path inside the folder: SHA-256}
    frozen_at TEXT NOT NULL, reason TEXT NOT NULL
) STRICT;
CREATE TABLE plan (                -- the stored orders; what stands here counts
    version INTEGER NOT NULL REFERENCES study, sequence INTEGER NOT NULL, visit INTEGER NOT NULL,
    condition TEXT, trials_json TEXT NOT NULL, generator TEXT NOT NULL,
    PRIMARY KEY (version, sequence, visit)
) STRICT;
CREATE TABLE server_run (
    id INTEGER PRIMARY KEY AUTOINCREMENT, started TEXT NOT NULL, version TEXT NOT NULL,
    host_clock_offset REAL NOT NULL,  -- s: UTC of the epoch minus the monotonic clock, at the start
    pid INTEGER NOT NULL, device TEXT NOT NULL, ended TEXT
) STRICT;
CREATE TABLE participant (
    code TEXT PRIMARY KEY, sequence INTEGER, token_hash TEXT NOT NULL UNIQUE,
    language TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN
        ('invited', 'joined', 'declined', 'consented', 'finished', 'stopped', 'withdrawn')),
    consent_version TEXT, consent_sha256 TEXT, consent_at TEXT,
    pilot INTEGER NOT NULL, released INTEGER NOT NULL DEFAULT 0, invited_at TEXT NOT NULL
) STRICT;
CREATE TABLE secret (              -- cookies that a participant's browsers hold
    hash TEXT PRIMARY KEY, participant TEXT NOT NULL REFERENCES participant ON DELETE CASCADE,
    at TEXT NOT NULL
) STRICT;
CREATE TABLE session (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    participant TEXT NOT NULL REFERENCES participant ON DELETE CASCADE,
    study_version INTEGER NOT NULL REFERENCES study, visit INTEGER NOT NULL, condition TEXT,
    started TEXT NOT NULL, ended TEXT,
    state TEXT NOT NULL CHECK (state IN ('running', 'finished', 'stopped', 'withdrawn')),
    reason TEXT NOT NULL DEFAULT '',  -- of the end, where it is not the usual one
    held TEXT NOT NULL DEFAULT '',    -- why it waits for the assistant
    revising INTEGER,                 -- the trial whose answer is being revised
    UNIQUE (participant, visit)
) STRICT;
CREATE TABLE step (                -- what of a session lies behind a person, besides trials
    session INTEGER NOT NULL REFERENCES session ON DELETE CASCADE, name TEXT NOT NULL,
    at TEXT NOT NULL, run INTEGER NOT NULL, mono_ms INTEGER NOT NULL,
    PRIMARY KEY (session, name)
) STRICT;
CREATE TABLE trial (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    block TEXT NOT NULL, position INTEGER NOT NULL, design TEXT NOT NULL, spec_json TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('planned', 'current', 'answered', 'skipped')),
    UNIQUE (session, position)
) STRICT;
CREATE TABLE presentation (        -- committed before the first sample
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    trial INTEGER REFERENCES trial ON DELETE CASCADE,  -- null: headphone check, comfort sound
    kind TEXT NOT NULL, seat INTEGER NOT NULL, play_no INTEGER NOT NULL,
    repeat_of INTEGER REFERENCES presentation ON DELETE SET NULL,
    stimulus TEXT NOT NULL, sha256 TEXT NOT NULL, condition TEXT, gain_db REAL NOT NULL,
    calibration_id TEXT NOT NULL, device TEXT NOT NULL, target_db REAL, u_db REAL,
    predicted_laeq REAL, predicted_lafmax REAL, predicted_lcpeak REAL,  -- dB, the louder ear
    predicted_json TEXT NOT NULL,                                       -- both ears
    exposure_pa2h REAL NOT NULL, duration_s REAL NOT NULL,
    state TEXT NOT NULL CHECK (state IN
        ('starting', 'playing', 'done', 'stopped', 'interrupted', 'failed', 'invalid')),
    requested TEXT NOT NULL, started TEXT, ended TEXT, run INTEGER NOT NULL,
    mono_ms INTEGER NOT NULL, n_samples INTEGER, xruns INTEGER, flags TEXT NOT NULL DEFAULT '[]',
    measured_db REAL, verdict TEXT, checks_json TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE TABLE answer (
    trial INTEGER NOT NULL REFERENCES trial ON DELETE CASCADE, attribute TEXT NOT NULL,
    revision INTEGER NOT NULL, value REAL, text TEXT, touched INTEGER NOT NULL,
    input TEXT NOT NULL, seconds REAL, submit_key TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (trial, attribute, revision)
) STRICT;
CREATE TABLE personal (            -- answers to questions that the study calls personal
    trial INTEGER NOT NULL REFERENCES trial ON DELETE CASCADE, item TEXT NOT NULL,
    revision INTEGER NOT NULL, text TEXT, at TEXT NOT NULL,
    PRIMARY KEY (trial, item, revision)
) STRICT;
CREATE TABLE submit (
    key TEXT PRIMARY KEY, trial INTEGER NOT NULL REFERENCES trial ON DELETE CASCADE,
    revision INTEGER NOT NULL, body_sha256 TEXT NOT NULL, at TEXT NOT NULL,
    UNIQUE (trial, revision)
) STRICT;
CREATE TABLE request (             -- accepted actions other than answers
    key TEXT PRIMARY KEY, participant TEXT NOT NULL REFERENCES participant ON DELETE CASCADE,
    action TEXT NOT NULL, body_sha256 TEXT NOT NULL, at TEXT NOT NULL
) STRICT;
CREATE TABLE draft (
    trial INTEGER PRIMARY KEY REFERENCES trial ON DELETE CASCADE, body TEXT NOT NULL
) STRICT;
CREATE TABLE level_check (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, run INTEGER, kind TEXT NOT NULL,
    passed INTEGER NOT NULL, operator TEXT NOT NULL, device TEXT NOT NULL,
    deviations_json TEXT NOT NULL, checks_json TEXT NOT NULL, valid_until TEXT,
    note TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE event (               -- id is the number that a page shows; it only grows
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, run INTEGER, mono_ms INTEGER NOT NULL,
    participant TEXT,              -- "*": everybody in the room; null: of no page's concern
    session INTEGER, kind TEXT NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE TABLE withdrawal (code_hash TEXT NOT NULL, at TEXT NOT NULL, rows INTEGER NOT NULL) STRICT;

CREATE INDEX of_participant ON event (participant, id);
CREATE INDEX of_visit ON event (session, kind);
CREATE INDEX sounding ON presentation (state) WHERE state IN ('starting', 'playing');
CREATE INDEX of_session ON trial (session, state);
CREATE INDEX played ON presentation (session, trial, id);
CREATE INDEX held_by ON secret (participant);
CREATE INDEX asked_by ON request (participant);
"""
"""Version 1 of the tables. Times are UTC as ISO 8601; ``mono_ms`` counts within a server run."""

_APPEND_ONLY: Final = (
    *("study", "plan", "secret", "step", "answer", "personal", "submit", "request"),
    *("level_check", "event", "withdrawal"),
)
MIGRATIONS: list[str] = [
    _FIRST
    + "".join(
        f"CREATE TRIGGER {table}_is_never_updated BEFORE UPDATE ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are never updated'); END;\n"
        for table in _APPEND_ONLY
    )
]
"""Step n leads from schema n to schema n + 1; the number stands in ``user_version``."""
