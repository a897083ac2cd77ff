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

-- Those that do not rest beyond their due_at; for the others there is the table rests.
CREATE INDEX callbacks_in_order ON callbacks (profile, next_step, priority DESC, due_at, id)
    WHERE state = 'scheduled' AND startable_at = due_at;

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

-- Time in spans, so that everything before an instant is a few of them, whatever it is: at each level an instant lies
-- in the bucket (instant >> bits), of 1 ms, 64 ms, 4 s, 4 min, 5 h, 12 days, 2 years. What lies before an instant is: at
-- the top level the buckets before its own, and at each lower level those before its own within the one above it.
CREATE TABLE spans (
    level INTEGER NOT NULL PRIMARY KEY,
    bits  INTEGER NOT NULL
);
INSERT INTO spans (level, bits) VALUES (0, 0), (1, 6), (2, 12), (3, 18), (4, 24), (5, 30), (6, 36);

-- The waiting call-backs that rest beyond their due_at, once per level, in the bucket in which the rest ends. All of a
-- bucket before now have rested, and its first row is the first of them in the order: so no query has to look through
-- those that still rest, nor through those that have rested.
CREATE TABLE rests (
    profile   TEXT    NOT NULL,
    next_step TEXT    NOT NULL,
    level     INTEGER NOT NULL,
    bucket    INTEGER NOT NULL, -- startable_at >> bits
    priority  INTEGER NOT NULL,
    due_at    INTEGER NOT NULL,
    id        TEXT    NOT NULL,
    number    TEXT    NOT NULL,
    PRIMARY KEY (profile, next_step, level, bucket, priority DESC, due_at, id)
) WITHOUT ROWID;
CREATE INDEX rests_callback ON rests (id);

CREATE TRIGGER rests_insert AFTER INSERT ON callbacks
WHEN NEW.state = 'scheduled' AND NEW.startable_at > NEW.due_at
BEGIN
    INSERT INTO rests (profile, next_step, level, bucket, priority, due_at, id, number)
    SELECT NEW.profile, NEW.next_step, level, NEW.startable_at >> bits, NEW.priority, NEW.due_at, NEW.id, NEW.number
    FROM spans;
END;

CREATE TRIGGER rests_delete AFTER DELETE ON callbacks
WHEN OLD.state = 'scheduled' AND OLD.startable_at > OLD.due_at
BEGIN
    DELETE FROM rests WHERE id = OLD.id;
END;

-- A change is a leaving (as it was) and a coming (as it is).
CREATE TRIGGER rests_update AFTER UPDATE ON callbacks
WHEN OLD.startable_at > OLD.due_at OR NEW.startable_at > NEW.due_at
BEGIN
    DELETE FROM rests WHERE id = OLD.id;
    INSERT INTO rests (profile, next_step, level, bucket, priority, due_at, id, number)
    SELECT NEW.profile, NEW.next_step, level, NEW.startable_at >> bits, NEW.priority, NEW.due_at, NEW.id, NEW.number
    FROM spans WHERE NEW.state = 'scheduled' AND NEW.startable_at > NEW.due_at;
END;

-- How many wait and from when they are due, so that counting a million is not a million steps. The two shortest spans
-- are left out: the few seconds that they would tell apart are counted from the call-backs themselves.
CREATE TABLE waiting (
    profile  TEXT    NOT NULL,
    level    INTEGER NOT NULL,
    bucket   INTEGER NOT NULL, -- due_at >> bits
    priority INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    PRIMARY KEY (profile, level, bucket, priority)
) WITHOUT ROWID;

CREATE TRIGGER waiting_insert AFTER INSERT ON callbacks
WHEN NEW.state = 'scheduled'
BEGIN
    INSERT INTO waiting (profile, level, bucket, priority, n)
    SELECT NEW.profile, level, NEW.due_at >> bits, NEW.priority, 1 FROM spans WHERE level >= 2
    ON CONFLICT (profile, level, bucket, priority) DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER waiting_delete AFTER DELETE ON callbacks
WHEN OLD.state = 'scheduled'
BEGIN
    INSERT INTO waiting (profile, level, bucket, priority, n)
    SELECT OLD.profile, level, OLD.due_at >> bits, OLD.priority, -1 FROM spans WHERE level >= 2
    ON CONFLICT (profile, level, bucket, priority) DO UPDATE SET n = n - 1;
    DELETE FROM waiting
    WHERE profile = OLD.profile AND level IN (SELECT level FROM spans WHERE level >= 2)
      AND bucket IN (SELECT OLD.due_at >> bits FROM spans WHERE level >= 2) AND priority = OLD.priority AND n = 0;
END;

CREATE TRIGGER waiting_update AFTER UPDATE ON callbacks
WHEN (OLD.state, OLD.profile, OLD.priority, OLD.due_at) <> (NEW.state, NEW.profile, NEW.priority, NEW.due_at)
BEGIN
    INSERT INTO waiting (profile, level, bucket, priority, n)
    SELECT OLD.profile, level, OLD.due_at >> bits, OLD.priority, -1 FROM spans
    WHERE level >= 2 AND OLD.state = 'scheduled'
    ON CONFLICT (profile, level, bucket, priority) DO UPDATE SET n = n - 1;
    DELETE FROM waiting
    WHERE profile = OLD.profile AND level IN (SELECT level FROM spans WHERE level >= 2)
      AND bucket IN (SELECT OLD.due_at >> bits FROM spans WHERE level >= 2) AND priority = OLD.priority AND n = 0;
    INSERT INTO waiting (profile, level, bucket, priority, n)
    SELECT NEW.profile, level, NEW.due_at >> bits, NEW.priority, 1 FROM spans
    WHERE level >= 2 AND NEW.state = 'scheduled'
    ON CONFLICT (profile, level, bucket, priority) DO UPDATE SET n = n + 1;
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
