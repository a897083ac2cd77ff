-- The first schema. Every instant is an integer: milliseconds since 1970-01-01T00:00:00Z.
-- Each file here runs in one transaction of its own and ends by naming the version that it makes.

PRAGMA application_id = 1667392611;

CREATE TABLE callbacks (
    id                 TEXT    NOT NULL UNIQUE,
    profile            TEXT    NOT NULL,
    number             TEXT    NOT NULL,
    name               TEXT,
    reason             TEXT,
    language           TEXT,
    priority           INTEGER NOT NULL,
    state              TEXT    NOT NULL CHECK (state IN (
        'scheduled', 'agent', 'client', 'connected', 'offering', 'completed', 'exhausted', 'cut_off', 'declined',
        'cancelled', 'expired', 'unreachable_number', 'blocked')),
    requested_at       INTEGER NOT NULL,
    not_before         INTEGER,
    asked_at           INTEGER NOT NULL,
    due_at             INTEGER NOT NULL,
    rest_until         INTEGER,
    -- The later of due_at and rest_until.
    startable_at       INTEGER NOT NULL,
    -- 0 while it rests beyond its due_at. Once a rest is seen to be over, the row may be put in order (1): from then on
    -- due_at alone says which is first, and no query has to look past the ones that rest.
    in_order           INTEGER NOT NULL CHECK (in_order IN (0, 1)),
    expires_at         INTEGER NOT NULL,
    ended_at           INTEGER,
    next_step          TEXT    NOT NULL,
    next_kind          TEXT    NOT NULL,
    reschedules_auto   INTEGER NOT NULL,
    reschedules_agent  INTEGER NOT NULL,
    reschedules_client INTEGER NOT NULL,
    attempts_made      INTEGER NOT NULL,
    counted            INTEGER NOT NULL,
    offers_made        INTEGER NOT NULL,
    offers_used        INTEGER NOT NULL,
    route_failures     INTEGER NOT NULL,
    version            INTEGER NOT NULL
);

-- One call-back that has not ended per profile and number.
CREATE UNIQUE INDEX callbacks_not_ended ON callbacks (number, profile)
    WHERE state IN ('scheduled', 'agent', 'client', 'connected', 'offering');

-- A number never has two live legs, over all profiles.
CREATE UNIQUE INDEX callbacks_on_the_phone ON callbacks (number)
    WHERE state IN ('agent', 'client', 'connected', 'offering');

CREATE INDEX callbacks_live ON callbacks (profile, state)
    WHERE state IN ('agent', 'client', 'connected', 'offering');

CREATE INDEX callbacks_in_order ON callbacks (profile, next_step, priority DESC, due_at, id)
    WHERE state = 'scheduled' AND in_order = 1;

CREATE INDEX callbacks_resting ON callbacks (profile, next_step, startable_at)
    WHERE state = 'scheduled' AND in_order = 0;

CREATE INDEX callbacks_startable ON callbacks (profile, startable_at)
    WHERE state = 'scheduled';

CREATE INDEX callbacks_due ON callbacks (profile, due_at, priority, id)
    WHERE state = 'scheduled';

CREATE INDEX callbacks_expiring ON callbacks (expires_at, id)
    WHERE state = 'scheduled';

CREATE INDEX callbacks_ended ON callbacks (ended_at, id)
    WHERE ended_at IS NOT NULL;

-- For listings, newest request first. due_at tells queued from scheduled without a look at the row.
CREATE INDEX callbacks_newest ON callbacks (requested_at, id);
CREATE INDEX callbacks_by_state ON callbacks (state, requested_at, id, due_at);
CREATE INDEX callbacks_by_profile ON callbacks (profile, state, requested_at, id, due_at);
CREATE INDEX callbacks_by_number ON callbacks (number, requested_at, id);

-- How many wait, kept by the triggers below, so that counting a million costs no million.
CREATE TABLE waiting_per_day (
    profile  TEXT    NOT NULL,
    day      INTEGER NOT NULL, -- due_at / 86400000
    priority INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    PRIMARY KEY (profile, day, priority)
) WITHOUT ROWID;

CREATE TABLE waiting_per_minute (
    profile  TEXT    NOT NULL,
    minute   INTEGER NOT NULL, -- due_at / 60000
    priority INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    PRIMARY KEY (profile, minute, priority)
) WITHOUT ROWID;

CREATE TRIGGER callbacks_tally_insert AFTER INSERT ON callbacks WHEN NEW.state = 'scheduled'
BEGIN
    INSERT INTO waiting_per_day (profile, day, priority, n)
    VALUES (NEW.profile, NEW.due_at / 86400000, NEW.priority, 1)
    ON CONFLICT (profile, day, priority) DO UPDATE SET n = n + 1;
    INSERT INTO waiting_per_minute (profile, minute, priority, n)
    VALUES (NEW.profile, NEW.due_at / 60000, NEW.priority, 1)
    ON CONFLICT (profile, minute, priority) DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER callbacks_tally_delete AFTER DELETE ON callbacks WHEN OLD.state = 'scheduled'
BEGIN
    UPDATE waiting_per_day SET n = n - 1
    WHERE profile = OLD.profile AND day = OLD.due_at / 86400000 AND priority = OLD.priority;
    DELETE FROM waiting_per_day
    WHERE profile = OLD.profile AND day = OLD.due_at / 86400000 AND priority = OLD.priority AND n = 0;
    UPDATE waiting_per_minute SET n = n - 1
    WHERE profile = OLD.profile AND minute = OLD.due_at / 60000 AND priority = OLD.priority;
    DELETE FROM waiting_per_minute
    WHERE profile = OLD.profile AND minute = OLD.due_at / 60000 AND priority = OLD.priority AND n = 0;
END;

-- A change of what is counted is a leaving (where it waited) and a coming (where it waits).
CREATE TRIGGER callbacks_tally_leave AFTER UPDATE OF state, profile, priority, due_at ON callbacks
WHEN OLD.state = 'scheduled' AND (
    NEW.state <> OLD.state OR NEW.profile <> OLD.profile OR NEW.priority <> OLD.priority OR NEW.due_at <> OLD.due_at)
BEGIN
    UPDATE waiting_per_day SET n = n - 1
    WHERE profile = OLD.profile AND day = OLD.due_at / 86400000 AND priority = OLD.priority;
    DELETE FROM waiting_per_day
    WHERE profile = OLD.profile AND day = OLD.due_at / 86400000 AND priority = OLD.priority AND n = 0;
    UPDATE waiting_per_minute SET n = n - 1
    WHERE profile = OLD.profile AND minute = OLD.due_at / 60000 AND priority = OLD.priority;
    DELETE FROM waiting_per_minute
    WHERE profile = OLD.profile AND minute = OLD.due_at / 60000 AND priority = OLD.priority AND n = 0;
END;

CREATE TRIGGER callbacks_tally_come AFTER UPDATE OF state, profile, priority, due_at ON callbacks
WHEN NEW.state = 'scheduled' AND (
    NEW.state <> OLD.state OR NEW.profile <> OLD.profile OR NEW.priority <> OLD.priority OR NEW.due_at <> OLD.due_at)
BEGIN
    INSERT INTO waiting_per_day (profile, day, priority, n)
    VALUES (NEW.profile, NEW.due_at / 86400000, NEW.priority, 1)
    ON CONFLICT (profile, day, priority) DO UPDATE SET n = n + 1;
    INSERT INTO waiting_per_minute (profile, minute, priority, n)
    VALUES (NEW.profile, NEW.due_at / 60000, NEW.priority, 1)
    ON CONFLICT (profile, minute, priority) DO UPDATE SET n = n + 1;
END;

CREATE TABLE attempts (
    callback_id        TEXT    NOT NULL REFERENCES callbacks (id) ON DELETE CASCADE,
    number             INTEGER NOT NULL,
    kind               TEXT    NOT NULL,
    started_at         INTEGER NOT NULL,
    agent_answered_at  INTEGER,
    client_dialled_at  INTEGER,
    client_answered_at INTEGER,
    ended_at           INTEGER,
    outcome            TEXT,
    client_outcome     TEXT,
    cause              INTEGER,
    armed              INTEGER NOT NULL,
    counted            INTEGER,
    PRIMARY KEY (callback_id, number)
) WITHOUT ROWID;

CREATE TABLE offers (
    callback_id    TEXT    NOT NULL REFERENCES callbacks (id) ON DELETE CASCADE,
    number         INTEGER NOT NULL,
    started_at     INTEGER NOT NULL,
    dialled_at     INTEGER,
    answered_at    INTEGER,
    ended_at       INTEGER,
    outcome        TEXT,
    client_outcome TEXT,
    cause          INTEGER,
    key            TEXT,
    PRIMARY KEY (callback_id, number)
) WITHOUT ROWID;

-- The timeline, and the outbox: an id is never used twice, and grows in the order of commits.
CREATE TABLE events (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    callback_id TEXT    NOT NULL REFERENCES callbacks (id) ON DELETE CASCADE,
    seq         INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    type        TEXT    NOT NULL,
    data        TEXT    NOT NULL,
    UNIQUE (callback_id, seq)
);

CREATE TABLE deliveries (
    consumer TEXT    NOT NULL PRIMARY KEY,
    event_id INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE idempotency (
    key         TEXT    NOT NULL PRIMARY KEY,
    fingerprint TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    callback_id TEXT    NOT NULL REFERENCES callbacks (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX idempotency_callback ON idempotency (callback_id);

CREATE TABLE dials (
    number TEXT    NOT NULL,
    at     INTEGER NOT NULL
);
CREATE INDEX dials_number ON dials (number, at);
CREATE INDEX dials_at ON dials (at);

CREATE TABLE blocked_numbers (
    number TEXT    NOT NULL PRIMARY KEY,
    at     INTEGER NOT NULL,
    reason TEXT    NOT NULL
) WITHOUT ROWID;

CREATE TABLE conditions (
    profile            TEXT    NOT NULL PRIMARY KEY,
    target_rests_until INTEGER,
    target_rests       INTEGER NOT NULL,
    suspects           TEXT    NOT NULL,
    route_open_until   INTEGER,
    route_probes       INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE pauses (
    profile  TEXT    NOT NULL PRIMARY KEY,
    intake   INTEGER NOT NULL,
    dialling INTEGER NOT NULL
) WITHOUT ROWID;

-- One row, written to prove that the database can be written.
CREATE TABLE write_proof (
    id     INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    writes INTEGER NOT NULL
);

PRAGMA user_version = 1;
