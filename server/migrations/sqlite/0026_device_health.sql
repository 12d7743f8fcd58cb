-- What a device last said of itself; nothing follows from it.
CREATE TABLE device_health (
    device INTEGER PRIMARY KEY REFERENCES device (no),
    -- When it said so, by the server's clock.
    at_ms INTEGER NOT NULL,
    app TEXT NOT NULL,
    -- Changes, envelopes and photographs that are on the device and not, or not as they should be, on the server.
    waiting INTEGER NOT NULL,
    held_back INTEGER NOT NULL,
    files INTEGER NOT NULL,
    -- Code of its last exchange that failed for a reason which does not pass by itself, and when that was.
    failure TEXT,
    failure_ms INTEGER
) STRICT;
