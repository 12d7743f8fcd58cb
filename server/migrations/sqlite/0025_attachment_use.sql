-- Which documents name which files: who may read a document may read its files.
CREATE TABLE attachment_use (
    hash      BLOB NOT NULL,
    space     BLOB NOT NULL,
    document  BLOB NOT NULL,
    PRIMARY KEY (hash, space, document)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachment_use_by_document ON attachment_use (document, space);

-- Files of photographs that were taken away, and of documents that were erased: their bytes have to go.
CREATE TABLE attachment_removed (
    hash  BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
