-- When the daemon was last known to be alive and to see the PBX, while calls were live.

CREATE TABLE heartbeat (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
);

PRAGMA user_version = 2;
