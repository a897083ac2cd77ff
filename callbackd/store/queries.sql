-- Every statement of the SQLite store, by name. `INDEXED BY` makes a query fail in the tests, rather than crawl at a
-- site, should its index ever cease to fit it.

-- The connection ----------------------------------------------------------------------------------------------------

-- name: use_wal
PRAGMA journal_mode = WAL;

-- name: configure_writer
PRAGMA busy_timeout = 5000;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA secure_delete = ON;
PRAGMA cache_size = -8192;
PRAGMA journal_size_limit = 67108864;

-- name: configure_reader
PRAGMA busy_timeout = 5000;
PRAGMA query_only = ON;
PRAGMA cache_size = -4096;

-- name: identity
SELECT (SELECT application_id FROM pragma_application_id) AS application_id,
       (SELECT user_version FROM pragma_user_version) AS user_version,
       EXISTS (SELECT 1 FROM sqlite_master) AS has_content;

-- name: schema
SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite~_%' ESCAPE '~';

-- name: version
PRAGMA user_version;

-- name: page_size
PRAGMA page_size;

-- name: quick_check
PRAGMA quick_check(5);

-- name: foreign_key_check
PRAGMA foreign_key_check;

-- Those who are on the phone, with all that belongs to them: what a start needs first.
-- name: read_live
SELECT * FROM callbacks AS c INDEXED BY callbacks_live
LEFT JOIN attempts AS a ON a.callback_id = c.id
LEFT JOIN offers AS o ON o.callback_id = c.id
LEFT JOIN events AS e ON e.callback_id = c.id
WHERE c.state IN ('agent', 'client', 'connected', 'offering');

-- name: count_callbacks
SELECT count(*) FROM callbacks;

-- A copy is one file: whoever opens it turns the write-ahead log on again.
-- name: use_one_file
PRAGMA journal_mode = DELETE;

-- name: empty_log
PRAGMA wal_checkpoint(TRUNCATE);

-- name: write_anew
VACUUM;

-- name: begin_reading
BEGIN;

-- name: begin
BEGIN IMMEDIATE;

-- name: commit
COMMIT;

-- name: rollback
ROLLBACK;

-- name: savepoint
SAVEPOINT write;

-- name: release
RELEASE write;

-- name: rollback_to_savepoint
ROLLBACK TO write;

-- name: prove_writable
INSERT INTO write_proof (id, writes) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET writes = writes + 1;

-- name: put_heartbeat
INSERT INTO heartbeat (id, at) VALUES (1, :at) ON CONFLICT (id) DO UPDATE SET at = excluded.at;

-- name: heartbeat
SELECT (SELECT at FROM heartbeat WHERE id = 1) AS instant;

-- Writing call-backs ------------------------------------------------------------------------------------------------

-- name: insert_callback
INSERT INTO callbacks (
    id, profile, number, name, reason, language, priority, state, requested_at, not_before, asked_at, due_at,
    rest_until, startable_at, expires_at, ended_at, next_step, next_kind, reschedules_auto,
    reschedules_agent, reschedules_client, attempts_made, counted, offers_made, offers_used, route_failures, version)
VALUES (
    :id, :profile, :number, :name, :reason, :language, :priority, :state, :requested_at, :not_before, :asked_at,
    :due_at, :rest_until, :startable_at, :expires_at, :ended_at, :next_step, :next_kind,
    :reschedules_auto, :reschedules_agent, :reschedules_client, :attempts_made, :counted, :offers_made, :offers_used,
    :route_failures, :version);

-- name: update_callback
UPDATE callbacks SET
    profile = :profile, number = :number, name = :name, reason = :reason, language = :language, priority = :priority,
    state = :state, requested_at = :requested_at, not_before = :not_before, asked_at = :asked_at, due_at = :due_at,
    rest_until = :rest_until, startable_at = :startable_at, expires_at = :expires_at,
    ended_at = :ended_at, next_step = :next_step, next_kind = :next_kind, reschedules_auto = :reschedules_auto,
    reschedules_agent = :reschedules_agent, reschedules_client = :reschedules_client,
    attempts_made = :attempts_made, counted = :counted, offers_made = :offers_made, offers_used = :offers_used,
    route_failures = :route_failures, version = version + 1
WHERE id = :id AND version = :version;

-- name: conflicts
SELECT EXISTS (
           SELECT 1 FROM callbacks INDEXED BY callbacks_not_ended
           WHERE number = :number AND profile = :profile AND id <> :id
             AND state IN ('scheduled', 'agent', 'client', 'connected', 'offering')
             AND :state IN ('scheduled', 'agent', 'client', 'connected', 'offering')) AS already_waiting,
       EXISTS (
           SELECT 1 FROM callbacks INDEXED BY callbacks_on_the_phone
           WHERE number = :number AND id <> :id
             AND state IN ('agent', 'client', 'connected', 'offering')
             AND :state IN ('agent', 'client', 'connected', 'offering')) AS number_live;

-- name: put_attempt
INSERT OR REPLACE INTO attempts (
    callback_id, number, kind, started_at, agent_answered_at, client_dialled_at, client_answered_at, ended_at, outcome,
    client_outcome, cause, armed, counted)
VALUES (
    :callback_id, :number, :kind, :started_at, :agent_answered_at, :client_dialled_at, :client_answered_at, :ended_at,
    :outcome, :client_outcome, :cause, :armed, :counted);

-- name: put_offer
INSERT OR REPLACE INTO offers (
    callback_id, number, started_at, dialled_at, answered_at, ended_at, outcome, client_outcome, cause, key)
VALUES (
    :callback_id, :number, :started_at, :dialled_at, :answered_at, :ended_at, :outcome, :client_outcome, :cause, :key);

-- name: append_event
INSERT INTO events (callback_id, seq, at, type, data)
SELECT :callback_id, coalesce(max(seq), 0) + 1, :at, :type, :data FROM events WHERE callback_id = :callback_id;

-- name: note_dial
INSERT INTO dials (number, at) VALUES (:number, :at);

-- name: put_idempotency
INSERT OR REPLACE INTO idempotency (key, fingerprint, at, callback_id)
VALUES (:key, :fingerprint, :at, :callback_id);

-- name: erase_ended
DELETE FROM callbacks
WHERE rowid IN (
    SELECT rowid FROM callbacks INDEXED BY callbacks_ended
    WHERE ended_at IS NOT NULL AND ended_at < :instant
      AND state NOT IN ('scheduled', 'agent', 'client', 'connected', 'offering')
    ORDER BY ended_at, id LIMIT :limit)
  AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.callback_id = callbacks.id AND e.id > :delivered);

-- name: count_ended_before
SELECT count(*) AS n FROM callbacks AS c INDEXED BY callbacks_ended
WHERE c.ended_at IS NOT NULL AND c.ended_at < :instant
  AND c.state NOT IN ('scheduled', 'agent', 'client', 'connected', 'offering');

-- name: erase_dials
DELETE FROM dials WHERE rowid IN (SELECT rowid FROM dials INDEXED BY dials_at WHERE at < :instant LIMIT :limit);

-- Forgetting a number -------------------------------------------------------------------------------------------------

-- name: count_of_number
SELECT (SELECT count(*) FROM callbacks AS c INDEXED BY callbacks_by_number WHERE c.number = :number) AS callbacks,
       (SELECT count(*) FROM callbacks AS c INDEXED BY callbacks_by_number
        CROSS JOIN attempts AS a ON a.callback_id = c.id WHERE c.number = :number) AS attempts,
       (SELECT count(*) FROM callbacks AS c INDEXED BY callbacks_by_number
        CROSS JOIN offers AS o ON o.callback_id = c.id WHERE c.number = :number) AS offers,
       (SELECT count(*) FROM callbacks AS c INDEXED BY callbacks_by_number
        CROSS JOIN events AS e ON e.callback_id = c.id WHERE c.number = :number) AS events,
       (SELECT count(*) FROM callbacks AS c INDEXED BY callbacks_by_number
        CROSS JOIN events AS e ON e.callback_id = c.id WHERE c.number = :number AND e.id > :delivered) AS undelivered,
       (SELECT count(*) FROM callbacks AS c INDEXED BY callbacks_by_number
        CROSS JOIN idempotency AS i INDEXED BY idempotency_callback ON i.callback_id = c.id
        WHERE c.number = :number) AS keys;

-- name: forget_callbacks
DELETE FROM callbacks WHERE rowid IN (
    SELECT rowid FROM callbacks INDEXED BY callbacks_by_number WHERE number = :number);

-- name: forget_dials
DELETE FROM dials WHERE rowid IN (SELECT rowid FROM dials INDEXED BY dials_number WHERE number = :number);

-- name: conditions
SELECT * FROM conditions;

-- Reading one call-back ---------------------------------------------------------------------------------------------

-- name: get
SELECT c.* FROM callbacks AS c WHERE c.id = :id;

-- name: find_idempotent
SELECT c.*, i.fingerprint FROM idempotency AS i JOIN callbacks AS c ON c.id = i.callback_id
WHERE i.key = :key AND i.at > :since;

-- name: attempts
SELECT a.* FROM attempts AS a WHERE a.callback_id = :callback_id ORDER BY a.number;

-- name: offers
SELECT o.* FROM offers AS o WHERE o.callback_id = :callback_id ORDER BY o.number;

-- name: timeline
SELECT e.*, c.profile FROM callbacks AS c CROSS JOIN events AS e ON e.callback_id = c.id
WHERE c.id = :callback_id ORDER BY e.seq;

-- name: find_not_ended
SELECT c.* FROM callbacks AS c INDEXED BY callbacks_not_ended
WHERE c.number = :number AND c.state IN ('scheduled', 'agent', 'client', 'connected', 'offering');

-- What comes next ---------------------------------------------------------------------------------------------------

-- The first of those that do not rest: one look per priority that occurs, highest first. The first of those that have
-- rested: one look per bucket before now, at most 63 a level. Then the first of both, which sorts that many rows.
-- Passed over are at most as many rows as there are live and avoided numbers, since a number waits once per profile.
-- name: next_startable
WITH RECURSIVE
priorities (priority) AS (
    SELECT (SELECT max(priority) FROM callbacks INDEXED BY callbacks_in_order
            WHERE state = 'scheduled' AND startable_at = due_at AND profile = :profile AND next_step = :step)
    UNION ALL
    SELECT (SELECT max(c.priority) FROM callbacks AS c INDEXED BY callbacks_in_order
            WHERE c.state = 'scheduled' AND c.startable_at = c.due_at AND c.profile = :profile
              AND c.next_step = :step AND c.priority < p.priority)
    FROM priorities AS p WHERE p.priority IS NOT NULL
),
in_order (id) AS (
    SELECT first.id FROM (
        SELECT (
            SELECT w.id FROM callbacks AS w INDEXED BY callbacks_in_order
            WHERE w.state = 'scheduled' AND w.startable_at = w.due_at AND w.profile = :profile
              AND w.next_step = :step AND w.priority = p.priority AND w.due_at <= :now
              AND w.number NOT IN (SELECT value FROM json_each(:avoid))
              AND NOT EXISTS (
                  SELECT 1 FROM callbacks AS l INDEXED BY callbacks_on_the_phone
                  WHERE l.number = w.number AND l.state IN ('agent', 'client', 'connected', 'offering'))
            ORDER BY w.due_at, w.id LIMIT 1) AS id
        FROM priorities AS p) AS first
    WHERE first.id IS NOT NULL LIMIT 1
),
before_now (level, first, beyond) AS (
    SELECT level, iif(level = 6, -1 << 62, ((:now + 1) >> (bits + 6)) << 6), (:now + 1) >> bits FROM spans
),
buckets (level, bucket, beyond) AS (
    SELECT b.level,
           (SELECT min(r.bucket) FROM rests AS r
            WHERE r.profile = :profile AND r.next_step = :step AND r.level = b.level AND r.bucket >= b.first),
           b.beyond
    FROM before_now AS b
    UNION ALL
    SELECT b.level,
           (SELECT min(r.bucket) FROM rests AS r
            WHERE r.profile = :profile AND r.next_step = :step AND r.level = b.level AND r.bucket > b.bucket),
           b.beyond
    FROM buckets AS b WHERE b.bucket < b.beyond
),
rested (id) AS (
    SELECT (
        SELECT r.id FROM rests AS r
        WHERE r.profile = :profile AND r.next_step = :step AND r.level = b.level AND r.bucket = b.bucket
          AND r.number NOT IN (SELECT value FROM json_each(:avoid))
          AND NOT EXISTS (
              SELECT 1 FROM callbacks AS l INDEXED BY callbacks_on_the_phone
              WHERE l.number = r.number AND l.state IN ('agent', 'client', 'connected', 'offering'))
        ORDER BY r.priority DESC, r.due_at, r.id LIMIT 1)
    FROM buckets AS b WHERE b.bucket < b.beyond
)
SELECT c.* FROM callbacks AS c
WHERE c.id IN (SELECT id FROM in_order UNION ALL SELECT id FROM rested)
ORDER BY c.priority DESC, c.due_at, c.id LIMIT 1;

-- name: next_startable_at
SELECT min(startable_at) AS instant FROM callbacks INDEXED BY callbacks_startable
WHERE state = 'scheduled' AND profile = :profile AND startable_at > :after;

-- name: expired
SELECT c.* FROM callbacks AS c INDEXED BY callbacks_expiring
WHERE c.state = 'scheduled' AND c.expires_at <= :now ORDER BY c.expires_at, c.id LIMIT :limit;

-- name: next_expiry
SELECT min(expires_at) AS instant FROM callbacks INDEXED BY callbacks_expiring WHERE state = 'scheduled';

-- name: live
SELECT c.* FROM callbacks AS c INDEXED BY callbacks_live
WHERE c.state IN ('agent', 'client', 'connected', 'offering');

-- Counting ----------------------------------------------------------------------------------------------------------

-- name: count_waiting
WITH RECURSIVE
profiles (profile) AS (
    SELECT (SELECT min(profile) FROM waiting)
    UNION ALL
    SELECT (SELECT min(w.profile) FROM waiting AS w WHERE w.profile > p.profile)
    FROM profiles AS p WHERE p.profile IS NOT NULL
)
SELECT p.profile,
       (SELECT sum(w.n) FROM waiting AS w WHERE w.profile = p.profile AND w.level = 6) AS waiting,
       coalesce((SELECT sum(w.n) FROM spans AS s CROSS JOIN waiting AS w
                 WHERE s.level >= 2 AND w.profile = p.profile AND w.level = s.level AND w.bucket < :now >> s.bits
                   AND w.bucket >= iif(s.level = 6, -1 << 62, (:now >> (s.bits + 6)) << 6)), 0)
       + (SELECT count(*) FROM callbacks AS c INDEXED BY callbacks_due
          WHERE c.state = 'scheduled' AND c.profile = p.profile
            AND c.due_at >= (:now >> 12) << 12 AND c.due_at <= :now) AS queued
FROM profiles AS p WHERE p.profile IS NOT NULL;

-- name: count_live
SELECT profile, state, count(*) AS n FROM callbacks INDEXED BY callbacks_live
WHERE state IN ('agent', 'client', 'connected', 'offering') GROUP BY profile, state;

-- name: count_before
SELECT coalesce((SELECT sum(n) FROM waiting WHERE profile = :profile AND level = 6 AND priority > :priority), 0)
       + coalesce((SELECT sum(w.n) FROM spans AS s CROSS JOIN waiting AS w
                   WHERE s.level >= 2 AND w.profile = :profile AND w.level = s.level AND w.bucket < :due_at >> s.bits
                     AND w.bucket >= iif(s.level = 6, -1 << 62, (:due_at >> (s.bits + 6)) << 6)
                     AND w.priority = :priority), 0)
       + (SELECT count(*) FROM callbacks INDEXED BY callbacks_due
          WHERE state = 'scheduled' AND profile = :profile
            AND due_at >= (:due_at >> 12) << 12 AND due_at <= :due_at
            AND priority = :priority AND (due_at < :due_at OR id < :id)) AS n;

-- name: count_requests
SELECT count(*) AS n FROM callbacks INDEXED BY callbacks_by_number
WHERE number = :number AND requested_at > :since;

-- Listings: newest request first, from a keyset. A state's page is found by its index; the pages of several states are
-- then sorted together, which is as much as a page per state and no more. -------------------------------------------

-- name: list_newest
SELECT c.* FROM callbacks AS c INDEXED BY callbacks_newest
WHERE (c.requested_at, c.id) < (:before, :before_id)
ORDER BY c.requested_at DESC, c.id DESC LIMIT :limit;

-- name: list_by_state
SELECT c.* FROM json_each(:states) AS wanted CROSS JOIN callbacks AS c
WHERE c.rowid IN (
    SELECT i.rowid FROM callbacks AS i INDEXED BY callbacks_by_state
    WHERE i.state = wanted.value AND (i.requested_at, i.id) < (:before, :before_id)
      AND (i.state <> 'scheduled' OR (i.due_at > :due_after AND i.due_at <= :due_until))
    ORDER BY i.requested_at DESC, i.id DESC LIMIT :limit)
ORDER BY c.requested_at DESC, c.id DESC LIMIT :limit;

-- name: list_by_profile
SELECT c.* FROM json_each(:states) AS wanted CROSS JOIN callbacks AS c
WHERE c.rowid IN (
    SELECT i.rowid FROM callbacks AS i INDEXED BY callbacks_by_profile
    WHERE i.profile = :profile AND i.state = wanted.value AND (i.requested_at, i.id) < (:before, :before_id)
      AND (i.state <> 'scheduled' OR (i.due_at > :due_after AND i.due_at <= :due_until))
    ORDER BY i.requested_at DESC, i.id DESC LIMIT :limit)
ORDER BY c.requested_at DESC, c.id DESC LIMIT :limit;

-- name: list_by_number
SELECT c.* FROM callbacks AS c INDEXED BY callbacks_by_number
WHERE c.number = :number AND (c.requested_at, c.id) < (:before, :before_id)
  AND (:profile IS NULL OR c.profile = :profile)
  AND c.state IN (SELECT value FROM json_each(:states))
  AND (c.state <> 'scheduled' OR (c.due_at > :due_after AND c.due_at <= :due_until))
ORDER BY c.requested_at DESC, c.id DESC LIMIT :limit;

-- What people look at at their leisure: over a connection of its own. `folded` is a function of ours. -----------------

-- Those that do not rest are found by their index, a page per step and priority; those that rest are few.
-- name: list_queued
WITH RECURSIVE
priorities (step, priority) AS (
    SELECT s.value, (SELECT max(priority) FROM callbacks INDEXED BY callbacks_in_order
                     WHERE state = 'scheduled' AND startable_at = due_at AND profile = :profile AND next_step = s.value)
    FROM json_each('["attempt", "offer"]') AS s
    UNION ALL
    SELECT p.step, (SELECT max(c.priority) FROM callbacks AS c INDEXED BY callbacks_in_order
                    WHERE c.state = 'scheduled' AND c.startable_at = c.due_at AND c.profile = :profile
                      AND c.next_step = p.step AND c.priority < p.priority)
    FROM priorities AS p WHERE p.priority IS NOT NULL
)
SELECT c.* FROM priorities AS p CROSS JOIN callbacks AS c
WHERE p.priority IS NOT NULL AND c.rowid IN (
    SELECT i.rowid FROM callbacks AS i INDEXED BY callbacks_in_order
    WHERE i.state = 'scheduled' AND i.startable_at = i.due_at AND i.profile = :profile AND i.next_step = p.step
      AND i.priority = p.priority AND i.due_at <= :now
    ORDER BY i.due_at, i.id LIMIT :reach)
UNION ALL
SELECT c.* FROM callbacks AS c
WHERE c.id IN (
    SELECT r.id FROM rests AS r
    WHERE r.profile = :profile AND r.next_step IN ('attempt', 'offer') AND r.level = 6 AND r.due_at <= :now)
ORDER BY 7 DESC, 12, 1 LIMIT :limit OFFSET :offset;

-- name: list_coming
SELECT c.* FROM callbacks AS c
WHERE c.rowid IN (
    SELECT i.rowid FROM callbacks AS i INDEXED BY callbacks_due
    WHERE i.state = 'scheduled' AND i.profile = :profile AND i.due_at > :now
    ORDER BY i.due_at, i.priority DESC, i.id LIMIT :limit OFFSET :offset)
ORDER BY c.due_at, c.priority DESC, c.id;

-- name: live_attempts
SELECT a.* FROM callbacks AS c INDEXED BY callbacks_live
CROSS JOIN attempts AS a ON a.callback_id = c.id AND a.number = c.attempts_made
WHERE c.state IN ('agent', 'client', 'connected', 'offering') AND c.state <> 'offering';

-- name: live_offers
SELECT o.* FROM callbacks AS c INDEXED BY callbacks_live
CROSS JOIN offers AS o ON o.callback_id = c.id AND o.number = c.offers_made
WHERE c.state IN ('agent', 'client', 'connected', 'offering') AND c.state = 'offering';

-- name: search
SELECT c.* FROM callbacks AS c INDEXED BY callbacks_newest
WHERE (c.requested_at, c.id) < (:before, :before_id) AND (:since IS NULL OR c.requested_at >= :since)
  AND (:profile IS NULL OR c.profile = :profile)
  AND c.state IN (SELECT value FROM json_each(:states))
  AND (c.state <> 'scheduled' OR (c.due_at > :due_after AND c.due_at <= :due_until))
  AND (:number IS NULL OR c.number = :number)
  AND (:digits IS NULL OR instr(c.number, :digits) > 0)
  AND (:name IS NULL OR instr(folded(c.name), :name) > 0)
ORDER BY c.requested_at DESC, c.id DESC LIMIT :limit;

-- name: count_endings
SELECT state, count(*) AS n FROM callbacks INDEXED BY callbacks_ended
WHERE ended_at IS NOT NULL AND ended_at >= :since AND ended_at < :until AND profile = :profile
  AND state NOT IN ('scheduled', 'agent', 'client', 'connected', 'offering')
GROUP BY state;

-- name: tally_requests
SELECT d.key AS day, c.state, count(*) AS n,
       sum(c.reschedules_auto) AS auto, sum(c.reschedules_agent) AS agent, sum(c.reschedules_client) AS client
FROM json_each(:days) AS d CROSS JOIN json_each(:states) AS s CROSS JOIN callbacks AS c INDEXED BY callbacks_by_profile
WHERE c.profile = :profile AND c.state = s.value
  AND c.requested_at >= json_extract(d.value, '$[0]') AND c.requested_at < json_extract(d.value, '$[1]')
GROUP BY 1, 2;

-- name: tally_quarters
SELECT c.requested_at - (c.requested_at % :quarter + :quarter) % :quarter AS at, count(*) AS n
FROM json_each(:days) AS d CROSS JOIN json_each(:states) AS s CROSS JOIN callbacks AS c INDEXED BY callbacks_by_profile
WHERE c.profile = :profile AND c.state = s.value
  AND c.requested_at >= json_extract(d.value, '$[0]') AND c.requested_at < json_extract(d.value, '$[1]')
GROUP BY 1;

-- A year has many hundred thousand attempts, so each costs as little as can be: most are the first of their call-back and
-- need no count, and only those that were answered have a wait.
-- name: tally_attempts
SELECT day, try, outcome,
       iif(waited IS NULL, NULL, (waited > :first_wait) + (waited > :second_wait) + (waited > :third_wait)
                                 + (waited > :fourth_wait) + (waited > :fifth_wait)) AS wait_class,
       count(*) AS n, sum(waited) AS waited
FROM (SELECT d.key AS day, a.outcome,
             iif(a.counted, iif(a.number = 1, 1, min(:most_tries, (
                 SELECT count(*) FROM attempts AS b
                 WHERE b.callback_id = a.callback_id AND b.number <= a.number AND b.counted))), 0) AS try,
             iif(a.outcome = 'answered', a.client_answered_at - c.requested_at, NULL) AS waited
      FROM json_each(:days) AS d CROSS JOIN json_each(:states) AS s
      CROSS JOIN callbacks AS c INDEXED BY callbacks_by_profile CROSS JOIN attempts AS a ON a.callback_id = c.id
      WHERE c.profile = :profile AND c.state = s.value
        AND c.requested_at >= json_extract(d.value, '$[0]') AND c.requested_at < json_extract(d.value, '$[1]')
        AND a.outcome IS NOT NULL)
GROUP BY 1, 2, 3, 4;

-- Numbers -----------------------------------------------------------------------------------------------------------

-- name: dials
SELECT at FROM dials INDEXED BY dials_number WHERE number = :number AND at > :since ORDER BY at;

-- name: is_blocked
SELECT 1 FROM blocked_numbers WHERE number = :number;

-- name: block
INSERT OR REPLACE INTO blocked_numbers (number, at, reason) VALUES (:number, :at, :reason);

-- name: unblock
DELETE FROM blocked_numbers WHERE number = :number;

-- Profiles ----------------------------------------------------------------------------------------------------------

-- name: condition
SELECT * FROM conditions WHERE profile = :profile;

-- name: put_condition
INSERT OR REPLACE INTO conditions (
    profile, target_rests_until, target_rests, suspects, route_open_until, route_probes)
VALUES (:profile, :target_rests_until, :target_rests, :suspects, :route_open_until, :route_probes);

-- name: pauses
SELECT profile, intake, dialling FROM pauses;

-- name: put_pause
INSERT OR REPLACE INTO pauses (profile, intake, dialling) VALUES (:profile, :intake, :dialling);

-- name: lift_pause
DELETE FROM pauses WHERE profile = :profile;

-- The outbox --------------------------------------------------------------------------------------------------------

-- name: events_after
SELECT e.*, c.profile FROM events AS e CROSS JOIN callbacks AS c ON c.id = e.callback_id
WHERE e.id > :event_id ORDER BY e.id LIMIT :limit;

-- name: delivered_up_to
SELECT event_id FROM deliveries WHERE consumer = :consumer;

-- name: put_delivered
INSERT INTO deliveries (consumer, event_id) VALUES (:consumer, :event_id)
ON CONFLICT (consumer) DO UPDATE SET event_id = max(event_id, excluded.event_id);
