-- The views that the queries in sql/ ask, for ClickHouse: over points, which
-- sql/clickhouse.sql makes of files and clickhouse/tables.sql of what gateways insert.

-- Every point once. A resend after a lost answer has the same mirror, series and
-- interval. mirror is service.instance.id: of an installation's stream, or of the one
-- batch where submissions are unlinkable, which have no installation. What an erased
-- installation sent is left out: otelusage.erased names its stream.
CREATE OR REPLACE VIEW usage AS
SELECT application, version, installation, mirror, kind, scope_version, metric, unit, type, state, checkpoint, period, date, attributes, started, ended,
	one_received AS received, one_value AS value, one_runs AS runs, one_buckets AS buckets, arrivals
FROM (
	SELECT application, version, installation, mirror, kind, scope_version, metric, unit, type, state, checkpoint, period, date, attributes, started, ended,
		min(received) AS one_received, min(value) AS one_value, min(runs) AS one_runs, min(buckets) AS one_buckets, count(*) AS arrivals
	FROM points
	WHERE mirror NOT IN (SELECT mirror FROM points WHERE metric = 'otelusage.erased' AND mirror <> '')
	GROUP BY application, version, installation, mirror, kind, scope_version, metric, unit, type, state, checkpoint, period, date, attributes, started, ended
);

-- The least number of installations behind a value that is shown. 1 shows everything.
CREATE OR REPLACE VIEW least_group AS SELECT 10 AS k;

-- The applications that at least k installations use, counted as below. Of the others
-- nothing is shown: each of their sums would be of fewer.
CREATE OR REPLACE VIEW shown_applications AS
SELECT application
FROM (
	SELECT application, period, date, sum(value) AS n FROM usage WHERE metric = 'otelusage.active' GROUP BY application, period, date
	UNION ALL
	SELECT application, '' AS period, toString(intDiv(ended, 2629800000000000)) AS date, toFloat64(count(DISTINCT mirror)) AS n FROM usage WHERE installation <> '' GROUP BY application, toString(intDiv(ended, 2629800000000000))
	UNION ALL
	SELECT DISTINCT application, '' AS period, '' AS date, toFloat64(0) AS n FROM usage
) AS counted
GROUP BY application
HAVING max(n) >= (SELECT k FROM least_group) OR (SELECT k FROM least_group) <= 1;

-- usage with the values that fewer than k installations told replaced by 'other': sets
-- of attributes with their states and checkpoints, and versions. The sums stay exact.
--
-- How many installations told a value is never overestimated, except for those that
-- erased or changed their id in between. In one day, week or month an installation
-- says once that it was active, so as many requests as said that and told the value are
-- from as many installations, also where they have no ids. Where they have, an id
-- counts once in a twelfth of a year. And each installation is in one state at a time.
CREATE OR REPLACE VIEW shown AS
WITH told AS (
	SELECT *, CASE WHEN kind = 'state' THEN replaceRegexpOne(metric, '[.](occupancy|changes)$', '') ELSE metric END AS name,
		CASE WHEN metric = 'otelusage.active' THEN '' ELSE attributes END AS tell
	FROM usage
), witnesses AS (
	SELECT DISTINCT application, mirror, ended, concat(period, ' ', date) AS witness, concat(mirror, ' ', toString(ended)) AS who
	FROM told WHERE metric = 'otelusage.active'
	UNION ALL
	SELECT DISTINCT application, mirror, ended, toString(intDiv(ended, 2629800000000000)) AS witness, mirror AS who
	FROM told WHERE installation <> ''
), sets AS (
	SELECT application, name, tell, max(n) AS installations
	FROM (
		SELECT t.application AS application, t.name AS name, t.tell AS tell, w.witness AS witness, count(DISTINCT w.who) AS n
		FROM told AS t JOIN witnesses AS w ON t.application = w.application AND t.mirror = w.mirror AND t.ended = w.ended
		GROUP BY t.application, t.name, t.tell, w.witness
		UNION ALL
		SELECT application, name, tell, '' AS witness, toUInt64(greatest(sum(value), 0)) AS n
		FROM told WHERE metric LIKE '%.occupancy' GROUP BY application, name, tell
	) AS counted
	GROUP BY application, name, tell
), hidden AS (
	SELECT t.*, CASE WHEN t.tell = '' OR s.installations >= (SELECT k FROM least_group) OR (SELECT k FROM least_group) <= 1 THEN t.tell ELSE 'other' END AS said
	FROM told AS t LEFT JOIN sets AS s ON t.application = s.application AND t.name = s.name AND t.tell = s.tell
), versions AS (
	SELECT application, version, name, said, max(n) AS installations
	FROM (
		SELECT h.application AS application, h.version AS version, h.name AS name, h.said AS said, w.witness AS witness, count(DISTINCT w.who) AS n
		FROM hidden AS h JOIN witnesses AS w ON h.application = w.application AND h.mirror = w.mirror AND h.ended = w.ended
		GROUP BY h.application, h.version, h.name, h.said, w.witness
	) AS counted
	GROUP BY application, version, name, said
)
SELECT h.application AS application,
	CASE WHEN h.version = '' OR v.installations >= (SELECT k FROM least_group) OR (SELECT k FROM least_group) <= 1 THEN h.version ELSE 'other' END AS version,
	h.installation AS installation, h.mirror AS mirror, h.kind AS kind, h.metric AS metric, h.unit AS unit, h.type AS type,
	CASE WHEN h.said = h.tell OR h.state = '' THEN h.state ELSE 'other' END AS state,
	CASE WHEN h.said = h.tell OR h.checkpoint = '' THEN h.checkpoint ELSE 'other' END AS checkpoint,
	h.period AS period, h.date AS date, CASE WHEN h.said = h.tell THEN h.attributes ELSE 'other' END AS attributes,
	h.started AS started, h.ended AS ended, h.received AS received, h.value AS value, h.runs AS runs, h.buckets AS buckets, h.arrivals AS arrivals
FROM hidden AS h LEFT JOIN versions AS v ON h.application = v.application AND h.version = v.version AND h.name = v.name AND h.said = v.said
WHERE h.application IN (SELECT application FROM shown_applications);
