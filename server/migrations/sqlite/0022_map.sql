-- Lines of units on the map, as the province gave them: GeoJSON, checked and stripped of everything but shape and name.
CREATE TABLE map_boundaries (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    made_ms  INTEGER NOT NULL,
    sha256   BLOB NOT NULL,
    body     BLOB NOT NULL
) STRICT;
