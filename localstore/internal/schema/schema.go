package schema

import (
	"errors"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

const (
	// ApplicationID marks the file as a mirror ("OTUs" in its header), so
	// that somebody else's SQLite database is never taken for one.
	ApplicationID = 0x4F545573

	// Version is what this version of the package reads and writes. A
	// migration only adds, so that an older process that is still running
	// survives it until its next transaction sees the newer version.
	Version = 4
)

// migrations[i] brings version i to version i+1, in the transaction that also
// writes the version. Each does no harm where it was done already: a version that
// is damaged may say less than the file holds.
var migrations = [Version]string{createTables + createViews, createTombstones, createFormerNames, createIdentity}

// TablesSince names the schemas that added a table. A reader does not bring a
// file up to date, so that it may meet one without.
var TablesSince = map[string]int64{Tombstones: 2, FormerNames: 3, Identity: 4, OccupancyBefore: 4}

// createTables: times are nanoseconds since 1970 in UTC. A value is an INTEGER,
// a REAL, or the JSON text of a histogram; NULL is zero.
const createTables = `
CREATE TABLE mirror (
	id              INTEGER PRIMARY KEY CHECK (id = 1),
	mirror_id       TEXT    NOT NULL,           -- of this file: the stream it writes
	installation_id TEXT    NOT NULL,           -- of this installation: random, replaceable
	created_at      INTEGER NOT NULL,
	mode            INTEGER NOT NULL DEFAULT 0, -- 0 never asked, 1 off, 2 local, 3 on
	mode_since      INTEGER NOT NULL DEFAULT 0,
	require_consent INTEGER NOT NULL DEFAULT 0,
	epoch           INTEGER NOT NULL DEFAULT 1, -- raised by every change of consent
	erasures        INTEGER NOT NULL DEFAULT 0,
	erase_pending   INTEGER NOT NULL DEFAULT 0, -- what was erased may still be in the file's unused bytes
	imported        INTEGER NOT NULL DEFAULT 0, -- a database of the reference implementation was
	sealed_until    INTEGER NOT NULL,           -- end of the last sealed batch
	shared_mark     INTEGER NOT NULL DEFAULT 0, -- raised when a total that may be sent changes
	lease_token     TEXT,                       -- who seals and sends
	lease_until     INTEGER NOT NULL DEFAULT 0,
	cut_off         INTEGER NOT NULL DEFAULT 0, -- submissions ended by an exit, in a row
	recorded_day    INTEGER NOT NULL DEFAULT 0, -- of the last recording
	waited_at       INTEGER NOT NULL DEFAULT 0  -- when a shutdown last waited for one
) STRICT;

CREATE TABLE resources (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	attributes TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE trackables (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	name        TEXT    NOT NULL COLLATE NOCASE,
	kind        TEXT    NOT NULL,
	description TEXT    NOT NULL DEFAULT '',
	unit        TEXT    NOT NULL DEFAULT '',
	float       INTEGER NOT NULL DEFAULT 0,
	monotonic   INTEGER NOT NULL DEFAULT 0,
	checkpoints TEXT    NOT NULL DEFAULT '',    -- a JSON list
	declared_at INTEGER NOT NULL,
	UNIQUE (name, kind)
) STRICT;

CREATE TABLE metrics (
	id               INTEGER PRIMARY KEY AUTOINCREMENT,
	scope_name       TEXT    NOT NULL,
	scope_version    TEXT    NOT NULL,
	scope_attributes TEXT    NOT NULL,
	scope_schema_url TEXT    NOT NULL,
	name             TEXT    NOT NULL,
	unit             TEXT    NOT NULL,
	type             TEXT    NOT NULL,
	monotonic        INTEGER NOT NULL,
	float            INTEGER NOT NULL,
	bounds           TEXT    NOT NULL,          -- of an explicit histogram, a JSON list
	description      TEXT    NOT NULL,
	trackable_id     INTEGER REFERENCES trackables,
	role             TEXT    NOT NULL,
	UNIQUE (name, scope_name, scope_version, scope_attributes, unit, type, monotonic, float, bounds)
) STRICT;

CREATE TABLE series (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	metric_id   INTEGER NOT NULL REFERENCES metrics,
	resource_id INTEGER NOT NULL REFERENCES resources,
	attributes  TEXT    NOT NULL,
	UNIQUE (metric_id, resource_id, attributes)
) STRICT;

-- recorded = accepted + partial + in flight + pending + set_aside + withheld
CREATE TABLE totals (
	series_id  INTEGER PRIMARY KEY REFERENCES series,
	recorded   ANY,               -- in all
	pending    ANY,               -- waits for the next submission
	withheld   ANY,               -- recorded without consent, never sent
	accepted   ANY,
	partial    ANY,               -- in parts of which the receiver rejected points
	set_aside  ANY,               -- refused for good, kept for inspection
	uploaded   ANY,               -- of recorded, less withheld: the total a cumulative forwarder sent last
	imported   ANY,               -- of recorded: from another database, shared there
	exports    INTEGER NOT NULL DEFAULT 0,
	updated_at INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The running total at the end of a UTC day that is over; that of the current
-- one is in totals.
CREATE TABLE days (
	day       INTEGER NOT NULL,   -- since 1970
	series_id INTEGER NOT NULL,
	value     ANY,
	count     INTEGER,            -- of a histogram, whose value is its sum
	PRIMARY KEY (day, series_id)
) STRICT, WITHOUT ROWID;

-- The running total after each of a series' latest recordings. The slot is the
-- number of the recording modulo the number of rows kept: a new row takes the
-- oldest one's place, and nothing is ever searched or deleted to keep it so.
CREATE TABLE history (
	slot      INTEGER NOT NULL,
	series_id INTEGER NOT NULL,
	at        INTEGER NOT NULL,
	value     ANY,
	count     INTEGER,
	PRIMARY KEY (slot, series_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE current_states (
	trackable_id     INTEGER PRIMARY KEY REFERENCES trackables,
	series_id        INTEGER NOT NULL,  -- the gauge: resource and scope
	state            TEXT,
	since            INTEGER NOT NULL,
	moves            INTEGER NOT NULL DEFAULT 0,
	shared           INTEGER NOT NULL DEFAULT 0, -- whether one may be sent, namely:
	shared_series_id INTEGER,
	shared_state     TEXT
) STRICT;

CREATE TABLE gauges (
	series_id  INTEGER PRIMARY KEY REFERENCES series,
	value      ANY,
	due        ANY,               -- what the next submission sends
	updated_at INTEGER NOT NULL
) STRICT;

-- What accepted submissions say of the states this installation is in.
CREATE TABLE occupancy (
	series_id INTEGER NOT NULL,   -- the gauge
	state     TEXT    NOT NULL,
	accepted  INTEGER NOT NULL,
	PRIMARY KEY (series_id, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE active (
	period TEXT NOT NULL,
	date   TEXT NOT NULL,
	PRIMARY KEY (period, date)
) STRICT, WITHOUT ROWID;

CREATE TABLE writers (
	id           TEXT    NOT NULL UNIQUE,
	seq          INTEGER NOT NULL,
	committed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE batches (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	start_at   INTEGER NOT NULL,
	end_at     INTEGER NOT NULL,
	sealed_at  INTEGER NOT NULL,
	epoch      INTEGER NOT NULL,
	mark       INTEGER NOT NULL,  -- shared_mark when it was sealed
	settled_at INTEGER
) STRICT;

CREATE TABLE parts (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	batch_id    INTEGER NOT NULL REFERENCES batches,
	parent_id   INTEGER,          -- the part that was split into this one and another
	resource_id INTEGER NOT NULL,
	state       TEXT    NOT NULL DEFAULT 'sealed', -- accepted, partial, set aside, split
	points      INTEGER NOT NULL,
	rejected    INTEGER NOT NULL DEFAULT 0,
	refused     INTEGER NOT NULL DEFAULT 0,
	settled_at  INTEGER,
	payload     TEXT              -- everything that is sent, as JSON
) STRICT;
CREATE INDEX parts_by_batch ON parts (batch_id);

CREATE TABLE forwarders (
	kind        TEXT PRIMARY KEY, -- delta or cumulative
	accepted_at INTEGER NOT NULL DEFAULT 0,
	accepted    INTEGER NOT NULL DEFAULT 0,
	mark        INTEGER NOT NULL DEFAULT 0,
	failures    INTEGER NOT NULL DEFAULT 0,
	retry_at    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE submission_log (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	forwarder TEXT    NOT NULL,
	batch_id  INTEGER,
	part_id   INTEGER,
	first_at  INTEGER NOT NULL,
	last_at   INTEGER NOT NULL,
	times     INTEGER NOT NULL DEFAULT 1,
	outcome   TEXT    NOT NULL,
	status    INTEGER NOT NULL DEFAULT 0,
	points    INTEGER NOT NULL DEFAULT 0,
	rejected  INTEGER NOT NULL DEFAULT 0,
	reason    TEXT    NOT NULL DEFAULT ''
) STRICT;
`

// createViews: what a person reads, with whatever sqlite3 is at hand: nothing
// newer than SQLite 3.38 (2022). Whole numbers are summed in two halves,
// because sum() gives up on an overflow where + turns to a float.
const createViews = `
CREATE VIEW series_totals AS
SELECT t.kind, t.name, m.name AS metric, m.role, s.attributes, r.attributes AS resource, o.recorded, o.pending,
	o.withheld, o.accepted, o.partial, o.set_aside, o.exports,
	strftime('%Y-%m-%dT%H:%M:%SZ', o.updated_at / 1000000000, 'unixepoch') AS updated,
	o.updated_at, o.series_id, m.trackable_id
FROM totals o JOIN series s ON s.id = o.series_id JOIN metrics m ON m.id = s.metric_id
JOIN resources r ON r.id = s.resource_id LEFT JOIN trackables t ON t.id = m.trackable_id;

CREATE VIEW statistics AS
SELECT t.name,
	CASE WHEN t.float OR max(typeof(o.recorded) = 'real') THEN total(o.recorded)
		ELSE coalesce(sum(o.recorded / 4294967296) * 4294967296 + sum(o.recorded % 4294967296), 0) END AS value,
	t.unit, max(o.updated) AS changed,
	strftime('%Y-%m-%dT%H:%M:%SZ', t.declared_at / 1000000000, 'unixepoch') AS declared, t.description
FROM trackables t LEFT JOIN series_totals o ON o.trackable_id = t.id AND o.role = 'value'
WHERE t.kind = 'statistic' GROUP BY t.id ORDER BY t.name;

CREATE VIEW states AS
SELECT t.name, c.state, strftime('%Y-%m-%dT%H:%M:%SZ', c.since / 1000000000, 'unixepoch') AS since,
	(SELECT coalesce(sum(o.recorded / 4294967296) * 4294967296 + sum(o.recorded % 4294967296), 0) FROM totals o JOIN series s ON s.id = o.series_id
		JOIN metrics m ON m.id = s.metric_id WHERE m.trackable_id = t.id AND m.role = 'changes') AS changes,
	strftime('%Y-%m-%dT%H:%M:%SZ', t.declared_at / 1000000000, 'unixepoch') AS declared, t.description
FROM trackables t LEFT JOIN current_states c ON c.trackable_id = t.id
WHERE t.kind = 'state' ORDER BY t.name;

CREATE VIEW timers AS
SELECT t.name, coalesce(sum((o.recorded ->> 'count') / 4294967296) * 4294967296 + sum((o.recorded ->> 'count') % 4294967296), 0) AS runs, total(o.recorded ->> 'sum') AS total_seconds,
	total(o.recorded ->> 'sum') / nullif(total(o.recorded ->> 'count'), 0) AS average_seconds, max(o.updated) AS changed,
	strftime('%Y-%m-%dT%H:%M:%SZ', t.declared_at / 1000000000, 'unixepoch') AS declared, t.description
FROM trackables t LEFT JOIN series_totals o ON o.trackable_id = t.id AND o.role = 'value'
WHERE t.kind = 'timer' GROUP BY t.id ORDER BY t.name;

CREATE VIEW sequences AS
SELECT t.name, coalesce(sum(o.recorded / 4294967296) * 4294967296 + sum(o.recorded % 4294967296), 0) AS completions,
	(SELECT group_concat(value, '-->') FROM (SELECT value FROM json_each(nullif(t.checkpoints, '')) ORDER BY key)) AS sequence,
	max(o.updated) AS changed,
	strftime('%Y-%m-%dT%H:%M:%SZ', t.declared_at / 1000000000, 'unixepoch') AS declared, t.description
FROM trackables t LEFT JOIN series_totals o ON o.trackable_id = t.id AND o.role = 'value'
WHERE t.kind = 'sequence' GROUP BY t.id ORDER BY t.name;

CREATE VIEW submissions AS
SELECT id, strftime('%Y-%m-%dT%H:%M:%SZ', last_at / 1000000000, 'unixepoch') AS at, outcome, points, rejected, times,
	nullif(status, 0) AS status, reason, forwarder, batch_id AS batch, part_id AS part
FROM submission_log ORDER BY id;
`

// ErrNewer is met in a file that a newer version of this package has written.
var ErrNewer = errors.New("localstore: mirror has a newer schema")

// Migrate brings the file to Version. Processes that start together meet in the
// immediate transaction, and the later ones find the work done.
func Migrate(c *sqlitedb.Conn, create func() []any) error {
	return c.Immediate(func() error {
		version, err := VersionOf(c)
		if err != nil {
			return err
		}
		if version > Version {
			return fmt.Errorf("%w: schema %d, this program knows %d", ErrNewer, version, Version)
		}
		for v := version; v < Version; v++ {
			if _, err := c.Exec(migrations[v]); err != nil {
				return fmt.Errorf("migrate schema to version %d: %w", v+1, err)
			}
		}
		if version == 0 {
			if _, err := c.Exec(insertMirror, create()...); err != nil {
				return fmt.Errorf("create mirror: %w", err)
			}
		}
		_, err = c.Exec(fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", ApplicationID, Version))
		return err
	})
}

// insertMirror begins the first interval with the day, so that it does not tell when
// the mirror was made.
const insertMirror = `INSERT INTO mirror (id, mirror_id, installation_id, created_at, sealed_until,
	mode, mode_since, require_consent, erasures) VALUES (1, ?1, ?2, ?3, ?3 - ?3 % 86400000000000, ?4, ?5, ?6, ?7)`

// FormerNames is the table of aliases.
const FormerNames = "former_names"

const createFormerNames = `
CREATE TABLE IF NOT EXISTS former_names (
	name         TEXT    NOT NULL COLLATE NOCASE, -- that a trackable had before it was renamed
	kind         TEXT    NOT NULL,
	trackable_id INTEGER NOT NULL REFERENCES trackables,
	PRIMARY KEY (name, kind)
) STRICT, WITHOUT ROWID;
`

const createTombstones = `
CREATE TABLE IF NOT EXISTS tombstones (
	id         INTEGER PRIMARY KEY,
	resend     TEXT,                       -- the first step, NULL once it was taken
	retraction TEXT,                       -- the second one, NULL where it would be 0
	lease      TEXT,                       -- of the submission that was under way
	due_at     INTEGER NOT NULL DEFAULT 0, -- not before
	refused    INTEGER NOT NULL DEFAULT 0  -- how often
) STRICT;
`

// Tombstones is their table.
const Tombstones = "tombstones"

// Identity is the table of the ids that replaced those of the mirror's row, and
// OccupancyBefore that of what was sent without them.
const (
	Identity        = "identity"
	OccupancyBefore = "occupancy_before"
)

// createIdentity: without a row the ids are those that the mirror was made with.
const createIdentity = `
CREATE TABLE IF NOT EXISTS identity (
	id         INTEGER PRIMARY KEY CHECK (id = 1),
	stream_id  TEXT,                       -- of what is sent, NULL where it is the mirror's
	since      INTEGER NOT NULL DEFAULT 0, -- when the ids were changed, 0 where they never were
	sealed     INTEGER NOT NULL DEFAULT 0, -- a batch carries these ids
	unlinkable INTEGER NOT NULL DEFAULT 0  -- batches carry ids of their own
) STRICT;

-- What accepted submissions without the present ids say of states: a part of occupancy.
CREATE TABLE IF NOT EXISTS occupancy_before (
	series_id INTEGER NOT NULL,
	state     TEXT    NOT NULL,
	accepted  INTEGER NOT NULL,
	PRIMARY KEY (series_id, state)
) STRICT, WITHOUT ROWID;
`
