PRAGMA application_id = 1667392611;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
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
INSERT INTO "attempts" VALUES('01kaq-agent',1,'request',1793631660000,1793631720000,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL);
INSERT INTO "attempts" VALUES('01kaq-blocked',1,'request',1793631660000,1793631720000,1793631720000,NULL,1793631780000,'client_busy','client_busy',17,0,1);
INSERT INTO "attempts" VALUES('01kaq-cancelled',1,'request',1793631660000,1793631720000,1793631720000,NULL,1793631780000,'client_busy','client_busy',17,0,1);
INSERT INTO "attempts" VALUES('01kaq-client',1,'request',1793631660000,1793631720000,1793631720000,NULL,NULL,NULL,NULL,NULL,1,NULL);
INSERT INTO "attempts" VALUES('01kaq-completed',1,'request',1793631660000,1793631720000,1793631720000,NULL,1793631780000,'client_busy','client_busy',17,0,1);
INSERT INTO "attempts" VALUES('01kaq-connected',1,'request',1793631660000,1793631720000,1793631720000,1793631780000,NULL,NULL,NULL,NULL,1,NULL);
INSERT INTO "attempts" VALUES('01kaq-cut_off',1,'request',1793631660000,1793631720000,1793631720000,NULL,1793631780000,'client_busy','client_busy',17,0,1);
INSERT INTO "attempts" VALUES('01kaq-declined',1,'request',1793631660000,1793631720000,1793631720000,NULL,1793631780000,'client_busy','client_busy',17,0,1);
INSERT INTO "attempts" VALUES('01kaq-exhausted',1,'request',1793631660000,1793631720000,1793631720000,NULL,1793631780000,'client_busy','client_busy',17,0,1);
INSERT INTO "attempts" VALUES('01kaq-expired',1,'request',1793631660000,1793631720000,1793631720000,NULL,1793631780000,'client_busy','client_busy',17,0,1);
INSERT INTO "attempts" VALUES('01kaq-offering',1,'request',1793631660000,1793631720000,1793631720000,NULL,1793631780000,'client_busy','client_busy',17,0,1);
INSERT INTO "attempts" VALUES('01kaq-unreachable_number',1,'request',1793631660000,1793631720000,1793631720000,NULL,1793631780000,'client_busy','client_busy',17,0,1);
CREATE TABLE blocked_numbers (
    number TEXT    NOT NULL PRIMARY KEY,
    at     INTEGER NOT NULL,
    reason TEXT    NOT NULL
) WITHOUT ROWID;
INSERT INTO "blocked_numbers" VALUES('+14165550006',1793631900000,'asked never to be called');
INSERT INTO "blocked_numbers" VALUES('+14165559999',1793631600000,'asked by an operator');
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
INSERT INTO "callbacks" VALUES('01kaq-scheduled','support','+14165550001','Zoë O''Neill','a refund','fr_CA',0,'scheduled',1793631600000,NULL,1793631600000,1793631600000,NULL,1793631600000,1794236400000,NULL,'attempt','request',0,0,0,0,0,0,0,0,1);
INSERT INTO "callbacks" VALUES('01kaq-agent','support','+14165550002','Zoë O''Neill','a refund','fr_CA',0,'agent',1793631600000,NULL,1793631600000,1793631600000,NULL,1793631600000,1794236400000,NULL,'attempt','request',0,0,0,1,0,0,0,0,3);
INSERT INTO "callbacks" VALUES('01kaq-client','support','+14165550003','Zoë O''Neill','a refund','fr_CA',0,'client',1793631600000,NULL,1793631600000,1793631600000,NULL,1793631600000,1794236400000,NULL,'attempt','request',0,0,0,1,0,0,0,0,3);
INSERT INTO "callbacks" VALUES('01kaq-connected','support','+14165550004','Zoë O''Neill','a refund','fr_CA',0,'connected',1793631600000,NULL,1793631600000,1793631600000,NULL,1793631600000,1794236400000,NULL,'attempt','request',0,0,0,1,0,0,0,0,3);
INSERT INTO "callbacks" VALUES('01kaq-offering','support','+14165550005','Zoë O''Neill','a refund','fr_CA',0,'offering',1793631600000,NULL,1793631600000,1793631600000,NULL,1793631600000,1794236400000,NULL,'attempt','request',1,0,0,1,1,1,0,0,3);
INSERT INTO "callbacks" VALUES('01kaq-blocked','support','+14165550006','Zoë O''Neill','a refund','fr_CA',0,'blocked',1793631600000,NULL,1793631600000,1793631600000,NULL,1793631600000,1794236400000,1793631900000,'attempt','request',1,0,0,1,1,1,0,0,4);
INSERT INTO "callbacks" VALUES('01kaq-cancelled','support','+14165550007','Zoë O''Neill','a refund','fr_CA',0,'cancelled',1793631600000,NULL,1793631600000,1793631600000,NULL,1793631600000,1794236400000,1793631900000,'attempt','request',1,0,0,1,1,1,0,0,4);
INSERT INTO "callbacks" VALUES('01kaq-completed','support','+14165550008','Zoë O''Neill','a refund','fr_CA',0,'completed',1793631600000,NULL,1793631600000,1793631600000,NULL,1793631600000,1794236400000,1793631900000,'attempt','request',1,0,0,1,1,1,0,0,4);
INSERT INTO "callbacks" VALUES('01kaq-cut_off','support','+14165550009','Zoë O''Neill','a refund','fr_CA',0,'cut_off',1793631600000,NULL,1793631600000,1793631600000,NULL,1793631600000,1794236400000,1793631900000,'attempt','request',1,0,0,1,1,1,0,0,4);
INSERT INTO "callbacks" VALUES('01kaq-declined','support','+14165550010','Zoë O''Neill','a refund','fr_CA',0,'declined',1793631600000,NULL,1793631600000,1793631600000,NULL,1793631600000,1794236400000,1793631900000,'attempt','request',1,0,0,1,1,1,0,0,4);
INSERT INTO "callbacks" VALUES('01kaq-exhausted','support','+14165550011','Zoë O''Neill','a refund','fr_CA',0,'exhausted',1793631600000,NULL,1793631600000,1793631600000,NULL,1793631600000,1794236400000,1793631900000,'attempt','request',1,0,0,1,1,1,0,0,4);
INSERT INTO "callbacks" VALUES('01kaq-expired','support','+14165550012','Zoë O''Neill','a refund','fr_CA',0,'expired',1793631600000,NULL,1793631600000,1793631600000,NULL,1793631600000,1794236400000,1793631900000,'attempt','request',1,0,0,1,1,1,0,0,4);
INSERT INTO "callbacks" VALUES('01kaq-unreachable_number','support','+14165550013','Zoë O''Neill','a refund','fr_CA',0,'unreachable_number',1793631600000,NULL,1793631600000,1793631600000,NULL,1793631600000,1794236400000,1793631900000,'attempt','request',1,0,0,1,1,1,0,0,4);
INSERT INTO "callbacks" VALUES('01kaq-later','support','+14165550014',NULL,NULL,NULL,0,'scheduled',1793631600000,NULL,1793631600000,1793718000000,NULL,1793718000000,1794236400000,NULL,'attempt','request',0,0,0,0,0,0,0,0,1);
INSERT INTO "callbacks" VALUES('01kaq-resting','support','+14165550015',NULL,NULL,NULL,0,'scheduled',1793631600000,NULL,1793631600000,1793631600000,1793631900000,1793631900000,1794236400000,NULL,'attempt','request',0,0,0,0,0,0,0,0,1);
INSERT INTO "callbacks" VALUES('01kaq-to-be-offered','sales','+14165550016',NULL,NULL,NULL,-100,'scheduled',1793631600000,NULL,1793631600000,1793631600000,NULL,1793631600000,1794236400000,NULL,'offer','client',0,0,0,0,0,1,0,0,2);
CREATE TABLE conditions (
    profile            TEXT    NOT NULL PRIMARY KEY,
    target_rests_until INTEGER,
    target_rests       INTEGER NOT NULL,
    suspects           TEXT    NOT NULL,
    route_open_until   INTEGER,
    route_probes       INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO "conditions" VALUES('sales',1793631660000,2,'[["+14165550003", "01kaq-client", "client_invalid"]]',1793631720000,1);
CREATE TABLE deliveries (
    consumer TEXT    NOT NULL PRIMARY KEY,
    event_id INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO "deliveries" VALUES('mqtt',7);
INSERT INTO "deliveries" VALUES('mqtt:known',1);
INSERT INTO "deliveries" VALUES('webhook:0123456789abcdef',3);
CREATE TABLE dials (
    number TEXT    NOT NULL,
    at     INTEGER NOT NULL
);
INSERT INTO "dials" VALUES('+14165550002',1793631720000);
INSERT INTO "dials" VALUES('+14165550003',1793631720000);
INSERT INTO "dials" VALUES('+14165550004',1793631720000);
INSERT INTO "dials" VALUES('+14165550005',1793631720000);
INSERT INTO "dials" VALUES('+14165550006',1793631720000);
INSERT INTO "dials" VALUES('+14165550007',1793631720000);
INSERT INTO "dials" VALUES('+14165550008',1793631720000);
INSERT INTO "dials" VALUES('+14165550009',1793631720000);
INSERT INTO "dials" VALUES('+14165550010',1793631720000);
INSERT INTO "dials" VALUES('+14165550011',1793631720000);
INSERT INTO "dials" VALUES('+14165550012',1793631720000);
INSERT INTO "dials" VALUES('+14165550013',1793631720000);
CREATE TABLE events (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    callback_id TEXT    NOT NULL REFERENCES callbacks (id) ON DELETE CASCADE,
    seq         INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    type        TEXT    NOT NULL,
    data        TEXT    NOT NULL,
    UNIQUE (callback_id, seq)
);
INSERT INTO "events" VALUES(1,'01kaq-scheduled',1,1793631600000,'requested','{}');
INSERT INTO "events" VALUES(2,'01kaq-agent',1,1793631600000,'requested','{}');
INSERT INTO "events" VALUES(3,'01kaq-agent',2,1793631660000,'attempt_started','{"attempt":1}');
INSERT INTO "events" VALUES(4,'01kaq-client',1,1793631600000,'requested','{}');
INSERT INTO "events" VALUES(5,'01kaq-client',2,1793631660000,'attempt_started','{"attempt":1}');
INSERT INTO "events" VALUES(6,'01kaq-connected',1,1793631600000,'requested','{}');
INSERT INTO "events" VALUES(7,'01kaq-connected',2,1793631660000,'attempt_started','{"attempt":1}');
INSERT INTO "events" VALUES(8,'01kaq-offering',1,1793631600000,'requested','{}');
INSERT INTO "events" VALUES(9,'01kaq-offering',2,1793631660000,'attempt_started','{"attempt":1}');
INSERT INTO "events" VALUES(10,'01kaq-offering',3,1793631780000,'attempt_ended','{"outcome":"client_busy"}');
INSERT INTO "events" VALUES(11,'01kaq-blocked',1,1793631600000,'requested','{}');
INSERT INTO "events" VALUES(12,'01kaq-blocked',2,1793631660000,'attempt_started','{"attempt":1}');
INSERT INTO "events" VALUES(13,'01kaq-blocked',3,1793631780000,'attempt_ended','{"outcome":"client_busy"}');
INSERT INTO "events" VALUES(14,'01kaq-blocked',4,1793631900000,'ended','{"disposition":"blocked"}');
INSERT INTO "events" VALUES(15,'01kaq-cancelled',1,1793631600000,'requested','{}');
INSERT INTO "events" VALUES(16,'01kaq-cancelled',2,1793631660000,'attempt_started','{"attempt":1}');
INSERT INTO "events" VALUES(17,'01kaq-cancelled',3,1793631780000,'attempt_ended','{"outcome":"client_busy"}');
INSERT INTO "events" VALUES(18,'01kaq-cancelled',4,1793631900000,'ended','{"disposition":"cancelled"}');
INSERT INTO "events" VALUES(19,'01kaq-completed',1,1793631600000,'requested','{}');
INSERT INTO "events" VALUES(20,'01kaq-completed',2,1793631660000,'attempt_started','{"attempt":1}');
INSERT INTO "events" VALUES(21,'01kaq-completed',3,1793631780000,'attempt_ended','{"outcome":"client_busy"}');
INSERT INTO "events" VALUES(22,'01kaq-completed',4,1793631900000,'ended','{"disposition":"completed"}');
INSERT INTO "events" VALUES(23,'01kaq-cut_off',1,1793631600000,'requested','{}');
INSERT INTO "events" VALUES(24,'01kaq-cut_off',2,1793631660000,'attempt_started','{"attempt":1}');
INSERT INTO "events" VALUES(25,'01kaq-cut_off',3,1793631780000,'attempt_ended','{"outcome":"client_busy"}');
INSERT INTO "events" VALUES(26,'01kaq-cut_off',4,1793631900000,'ended','{"disposition":"cut_off"}');
INSERT INTO "events" VALUES(27,'01kaq-declined',1,1793631600000,'requested','{}');
INSERT INTO "events" VALUES(28,'01kaq-declined',2,1793631660000,'attempt_started','{"attempt":1}');
INSERT INTO "events" VALUES(29,'01kaq-declined',3,1793631780000,'attempt_ended','{"outcome":"client_busy"}');
INSERT INTO "events" VALUES(30,'01kaq-declined',4,1793631900000,'ended','{"disposition":"declined"}');
INSERT INTO "events" VALUES(31,'01kaq-exhausted',1,1793631600000,'requested','{}');
INSERT INTO "events" VALUES(32,'01kaq-exhausted',2,1793631660000,'attempt_started','{"attempt":1}');
INSERT INTO "events" VALUES(33,'01kaq-exhausted',3,1793631780000,'attempt_ended','{"outcome":"client_busy"}');
INSERT INTO "events" VALUES(34,'01kaq-exhausted',4,1793631900000,'ended','{"disposition":"exhausted"}');
INSERT INTO "events" VALUES(35,'01kaq-expired',1,1793631600000,'requested','{}');
INSERT INTO "events" VALUES(36,'01kaq-expired',2,1793631660000,'attempt_started','{"attempt":1}');
INSERT INTO "events" VALUES(37,'01kaq-expired',3,1793631780000,'attempt_ended','{"outcome":"client_busy"}');
INSERT INTO "events" VALUES(38,'01kaq-expired',4,1793631900000,'ended','{"disposition":"expired"}');
INSERT INTO "events" VALUES(39,'01kaq-unreachable_number',1,1793631600000,'requested','{}');
INSERT INTO "events" VALUES(40,'01kaq-unreachable_number',2,1793631660000,'attempt_started','{"attempt":1}');
INSERT INTO "events" VALUES(41,'01kaq-unreachable_number',3,1793631780000,'attempt_ended','{"outcome":"client_busy"}');
INSERT INTO "events" VALUES(42,'01kaq-unreachable_number',4,1793631900000,'ended','{"disposition":"unreachable_number"}');
INSERT INTO "events" VALUES(43,'01kaq-later',1,1793631600000,'requested','{}');
INSERT INTO "events" VALUES(44,'01kaq-resting',1,1793631600000,'requested','{}');
INSERT INTO "events" VALUES(45,'01kaq-to-be-offered',1,1793631600000,'requested','{}');
CREATE TABLE idempotency (
    key         TEXT    NOT NULL PRIMARY KEY,
    fingerprint TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    callback_id TEXT    NOT NULL REFERENCES callbacks (id) ON DELETE CASCADE
) WITHOUT ROWID;
INSERT INTO "idempotency" VALUES('order agent','print of agent',1793631600000,'01kaq-agent');
INSERT INTO "idempotency" VALUES('order blocked','print of blocked',1793631600000,'01kaq-blocked');
INSERT INTO "idempotency" VALUES('order cancelled','print of cancelled',1793631600000,'01kaq-cancelled');
INSERT INTO "idempotency" VALUES('order client','print of client',1793631600000,'01kaq-client');
INSERT INTO "idempotency" VALUES('order completed','print of completed',1793631600000,'01kaq-completed');
INSERT INTO "idempotency" VALUES('order connected','print of connected',1793631600000,'01kaq-connected');
INSERT INTO "idempotency" VALUES('order cut_off','print of cut_off',1793631600000,'01kaq-cut_off');
INSERT INTO "idempotency" VALUES('order declined','print of declined',1793631600000,'01kaq-declined');
INSERT INTO "idempotency" VALUES('order exhausted','print of exhausted',1793631600000,'01kaq-exhausted');
INSERT INTO "idempotency" VALUES('order expired','print of expired',1793631600000,'01kaq-expired');
INSERT INTO "idempotency" VALUES('order later','print of later',1793631600000,'01kaq-later');
INSERT INTO "idempotency" VALUES('order offering','print of offering',1793631600000,'01kaq-offering');
INSERT INTO "idempotency" VALUES('order scheduled','print of scheduled',1793631600000,'01kaq-scheduled');
INSERT INTO "idempotency" VALUES('order to-be-offered','print of to-be-offered',1793631600000,'01kaq-to-be-offered');
INSERT INTO "idempotency" VALUES('order unreachable_number','print of unreachable_number',1793631600000,'01kaq-unreachable_number');
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
INSERT INTO "offers" VALUES('01kaq-blocked',1,1793631840000,1793631840000,1793631840000,1793631900000,'never_again',NULL,NULL,NULL);
INSERT INTO "offers" VALUES('01kaq-cancelled',1,1793631840000,1793631840000,1793631840000,1793631900000,'no_key',NULL,NULL,NULL);
INSERT INTO "offers" VALUES('01kaq-completed',1,1793631840000,1793631840000,1793631840000,1793631900000,'no_key',NULL,NULL,NULL);
INSERT INTO "offers" VALUES('01kaq-cut_off',1,1793631840000,1793631840000,1793631840000,1793631900000,'no_key',NULL,NULL,NULL);
INSERT INTO "offers" VALUES('01kaq-declined',1,1793631840000,1793631840000,1793631840000,1793631900000,'no_key',NULL,NULL,NULL);
INSERT INTO "offers" VALUES('01kaq-exhausted',1,1793631840000,1793631840000,1793631840000,1793631900000,'no_key',NULL,NULL,NULL);
INSERT INTO "offers" VALUES('01kaq-expired',1,1793631840000,1793631840000,1793631840000,1793631900000,'no_key',NULL,NULL,NULL);
INSERT INTO "offers" VALUES('01kaq-offering',1,1793631840000,1793631840000,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "offers" VALUES('01kaq-unreachable_number',1,1793631840000,1793631840000,1793631840000,1793631900000,'no_key',NULL,NULL,NULL);
CREATE TABLE pauses (
    profile  TEXT    NOT NULL PRIMARY KEY,
    intake   INTEGER NOT NULL,
    dialling INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO "pauses" VALUES('*',1,0);
INSERT INTO "pauses" VALUES('sales',0,1);
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
INSERT INTO "rests" VALUES('support','attempt',0,1793631900000,0,1793631600000,'01kaq-resting','+14165550015');
INSERT INTO "rests" VALUES('support','attempt',1,28025498437,0,1793631600000,'01kaq-resting','+14165550015');
INSERT INTO "rests" VALUES('support','attempt',2,437898413,0,1793631600000,'01kaq-resting','+14165550015');
INSERT INTO "rests" VALUES('support','attempt',3,6842162,0,1793631600000,'01kaq-resting','+14165550015');
INSERT INTO "rests" VALUES('support','attempt',4,106908,0,1793631600000,'01kaq-resting','+14165550015');
INSERT INTO "rests" VALUES('support','attempt',5,1670,0,1793631600000,'01kaq-resting','+14165550015');
INSERT INTO "rests" VALUES('support','attempt',6,26,0,1793631600000,'01kaq-resting','+14165550015');
CREATE TABLE spans (
    level INTEGER NOT NULL PRIMARY KEY,
    bits  INTEGER NOT NULL
);
INSERT INTO "spans" VALUES(0,0);
INSERT INTO "spans" VALUES(1,6);
INSERT INTO "spans" VALUES(2,12);
INSERT INTO "spans" VALUES(3,18);
INSERT INTO "spans" VALUES(4,24);
INSERT INTO "spans" VALUES(5,30);
INSERT INTO "spans" VALUES(6,36);
CREATE TABLE waiting (
    profile  TEXT    NOT NULL,
    level    INTEGER NOT NULL,
    bucket   INTEGER NOT NULL, -- due_at >> bits
    priority INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    PRIMARY KEY (profile, level, bucket, priority)
) WITHOUT ROWID;
INSERT INTO "waiting" VALUES('sales',2,437898339,-100,1);
INSERT INTO "waiting" VALUES('sales',3,6842161,-100,1);
INSERT INTO "waiting" VALUES('sales',4,106908,-100,1);
INSERT INTO "waiting" VALUES('sales',5,1670,-100,1);
INSERT INTO "waiting" VALUES('sales',6,26,-100,1);
INSERT INTO "waiting" VALUES('support',2,437898339,0,2);
INSERT INTO "waiting" VALUES('support',2,437919433,0,1);
INSERT INTO "waiting" VALUES('support',3,6842161,0,2);
INSERT INTO "waiting" VALUES('support',3,6842491,0,1);
INSERT INTO "waiting" VALUES('support',4,106908,0,2);
INSERT INTO "waiting" VALUES('support',4,106913,0,1);
INSERT INTO "waiting" VALUES('support',5,1670,0,3);
INSERT INTO "waiting" VALUES('support',6,26,0,3);
CREATE TABLE write_proof (
    id     INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    writes INTEGER NOT NULL
);
INSERT INTO "write_proof" VALUES(1,2);
CREATE UNIQUE INDEX callbacks_not_ended ON callbacks (number, profile)
    WHERE state IN ('scheduled', 'agent', 'client', 'connected', 'offering');
CREATE UNIQUE INDEX callbacks_on_the_phone ON callbacks (number)
    WHERE state IN ('agent', 'client', 'connected', 'offering');
CREATE INDEX callbacks_live ON callbacks (profile, state)
    WHERE state IN ('agent', 'client', 'connected', 'offering');
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
CREATE INDEX callbacks_newest ON callbacks (requested_at, id);
CREATE INDEX callbacks_by_state ON callbacks (state, requested_at, id, due_at);
CREATE INDEX callbacks_by_profile ON callbacks (profile, state, requested_at, id, due_at);
CREATE INDEX callbacks_by_number ON callbacks (number, requested_at, id);
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
CREATE TRIGGER rests_update AFTER UPDATE ON callbacks
WHEN OLD.startable_at > OLD.due_at OR NEW.startable_at > NEW.due_at
BEGIN
    DELETE FROM rests WHERE id = OLD.id;
    INSERT INTO rests (profile, next_step, level, bucket, priority, due_at, id, number)
    SELECT NEW.profile, NEW.next_step, level, NEW.startable_at >> bits, NEW.priority, NEW.due_at, NEW.id, NEW.number
    FROM spans WHERE NEW.state = 'scheduled' AND NEW.startable_at > NEW.due_at;
END;
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
CREATE INDEX idempotency_callback ON idempotency (callback_id);
CREATE INDEX dials_number ON dials (number, at);
CREATE INDEX dials_at ON dials (at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',45);
COMMIT;
