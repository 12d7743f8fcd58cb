-- What is known of the server's logs, so that a server that was restored from a backup gets back what it lost.
CREATE TABLE line (
    space INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    chain BLOB NOT NULL,
    hash BLOB NOT NULL,
    device BLOB,
    device_seq INTEGER,
    prev BLOB,
    signature BLOB,
    content BLOB,
    PRIMARY KEY (space, seq)
) WITHOUT ROWID;
CREATE TABLE offer (
    space INTEGER NOT NULL,
    hash BLOB NOT NULL,
    device BLOB NOT NULL,
    device_seq INTEGER NOT NULL,
    prev BLOB NOT NULL,
    signature BLOB NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (space, hash)
) WITHOUT ROWID;
