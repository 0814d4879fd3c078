-- The archive as tables, for DuckDB 1.4 and later. The variable archive names
-- the files, the one that is being written and those that were rotated:
--
--   duckdb -cmd "SET VARIABLE archive = 'archive/usage*.jsonl'" -cmd '.read sql/duckdb.sql' < sql/applications.sql
--
-- A rotated file may be compressed, as NAME.jsonl.gz or NAME.jsonl.zst, or be Parquet
-- in the directory parquet/file=NAME beside it, which cmd/query/archive makes. Its JSON
-- is not read then. The files are those that exist when these statements are run.
--
-- clickhouse.sql creates the same views; the queries are the same for both.

SET VARIABLE parquet_files = (
	SELECT coalesce(list(file ORDER BY file), [])
	FROM glob(regexp_replace(getvariable('archive'), '[^/\\]*$', '') || 'parquet/file=*/application=*/day=*/*.parquet')
);
SET VARIABLE json_files = (
	WITH json AS (
		SELECT file FROM glob(getvariable('archive')) UNION ALL
		SELECT file FROM glob(getvariable('archive') || '.gz') UNION ALL
		SELECT file FROM glob(getvariable('archive') || '.zst')
	), parquet AS (
		SELECT regexp_replace(file, '^(.*[/\\]|)parquet[/\\]file=([^/\\]*)[/\\].*$', '\1\2') AS name
		FROM (SELECT unnest(getvariable('parquet_files')) AS file)
	)
	SELECT coalesce(list(file ORDER BY file), []) FROM (
		SELECT arg_min(file, length(file)) AS file -- NAME.jsonl, should NAME.jsonl.zst be complete beside it
		FROM (SELECT file, regexp_replace(file, '[.]jsonl([.]gz|[.]zst)?$', '') AS name FROM json)
		WHERE name NOT IN (SELECT name FROM parquet) GROUP BY name
	)
);

-- An attribute list as a map from text to text.
CREATE OR REPLACE MACRO as_map(list) AS map_from_entries(list_transform(coalesce(list, []),
	lambda a: {'k': a."key", 'v': coalesce(a."value".stringValue, a."value".intValue, CAST(a."value".boolValue AS VARCHAR), CAST(a."value".doubleValue AS VARCHAR), '')}));

-- Every line of the JSON files as text. Lines that are no text are skipped.
CREATE OR REPLACE VIEW lines AS
SELECT line FROM query(CASE
	WHEN len(getvariable('json_files')) + len(getvariable('parquet_files')) = 0 THEN 'SELECT error(''the archive has no files'')::VARCHAR AS line'
	WHEN len(getvariable('json_files')) = 0 THEN 'SELECT ''''::VARCHAR AS line WHERE false'
	ELSE
	'SELECT line FROM read_csv(getvariable(''json_files''), columns = {''line'': ''VARCHAR''}, delim = '''', quote = '''', escape = '''',
		header = false, auto_detect = false, strict_mode = false, ignore_errors = true, max_line_size = 67108864, buffer_size = 134217728)' END);

-- Every point of the JSON files as it arrived, once for each time it arrived. started
-- and ended are nanoseconds by the installation's clock, received by the Collector's. A
-- request begins where it says so: a line that was cut by a crash or a full disk has no
-- end, and the next request follows it at once. What is no JSON is left out.
CREATE OR REPLACE VIEW json_points AS
WITH texts AS (
	SELECT '{"resourceMetrics":[' || unnest(string_split(line, '{"resourceMetrics":[')[2:]) AS request FROM lines
), requests AS (
	SELECT unnest(from_json(request, '{"resourceMetrics": [{
		"resource": {"attributes": [{"key": "VARCHAR", "value": {"stringValue": "VARCHAR", "intValue": "VARCHAR", "boolValue": "BOOLEAN", "doubleValue": "DOUBLE"}}]},
		"scopeMetrics": [{
			"scope": {"name": "VARCHAR", "version": "VARCHAR",
				"attributes": [{"key": "VARCHAR", "value": {"stringValue": "VARCHAR", "intValue": "VARCHAR", "boolValue": "BOOLEAN", "doubleValue": "DOUBLE"}}]},
			"metrics": [{"name": "VARCHAR", "unit": "VARCHAR",
				"sum": {"isMonotonic": "BOOLEAN", "dataPoints": [{
					"attributes": [{"key": "VARCHAR", "value": {"stringValue": "VARCHAR", "intValue": "VARCHAR", "boolValue": "BOOLEAN", "doubleValue": "DOUBLE"}}],
					"startTimeUnixNano": "VARCHAR", "timeUnixNano": "VARCHAR", "asInt": "VARCHAR", "asDouble": "DOUBLE"}]},
				"gauge": {"dataPoints": [{
					"attributes": [{"key": "VARCHAR", "value": {"stringValue": "VARCHAR", "intValue": "VARCHAR", "boolValue": "BOOLEAN", "doubleValue": "DOUBLE"}}],
					"startTimeUnixNano": "VARCHAR", "timeUnixNano": "VARCHAR", "asInt": "VARCHAR", "asDouble": "DOUBLE"}]},
				"histogram": {"dataPoints": [{
					"attributes": [{"key": "VARCHAR", "value": {"stringValue": "VARCHAR", "intValue": "VARCHAR", "boolValue": "BOOLEAN", "doubleValue": "DOUBLE"}}],
					"startTimeUnixNano": "VARCHAR", "timeUnixNano": "VARCHAR", "count": "VARCHAR", "sum": "DOUBLE", "bucketCounts": ["VARCHAR"]}]}
			}]
		}]
	}]}').resourceMetrics) AS rm FROM texts WHERE json_valid(request)
), scopes AS (
	SELECT as_map(rm.resource.attributes) AS resource, unnest(rm.scopeMetrics) AS sm FROM requests
), metrics AS (
	SELECT resource, sm."scope".name AS scope, sm."scope".version AS scope_version, as_map(sm."scope".attributes) AS scope_attributes, unnest(sm.metrics) AS m FROM scopes
), numbers AS (
	SELECT * EXCLUDE (m), m.name AS metric, m.unit AS unit, CASE WHEN m."sum".isMonotonic THEN 'counter' ELSE 'updown' END AS type, unnest(m."sum".dataPoints) AS p FROM metrics
	UNION ALL
	SELECT * EXCLUDE (m), m.name, m.unit, 'gauge', unnest(m.gauge.dataPoints) FROM metrics
), all_points AS (
	SELECT resource, scope, scope_version, scope_attributes, metric, unit, type, as_map(p.attributes) AS attributes, p.startTimeUnixNano AS started, p.timeUnixNano AS ended,
		coalesce(TRY_CAST(p.asInt AS DOUBLE), p.asDouble, 0) AS value, 0::BIGINT AS runs, '' AS buckets FROM numbers
	UNION ALL
	SELECT resource, scope, scope_version, scope_attributes, metric, unit, 'histogram', as_map(p.attributes), p.startTimeUnixNano, p.timeUnixNano,
		coalesce(p."sum", 0), coalesce(TRY_CAST(p.count AS BIGINT), 0), array_to_string(p.bucketCounts, ',')
	FROM (SELECT * EXCLUDE (m), m.name AS metric, m.unit AS unit, unnest(m.histogram.dataPoints) AS p FROM metrics)
)
SELECT coalesce(resource['service.name'], '') AS application, coalesce(resource['service.version'], '') AS version,
	coalesce(resource['app.installation.id'], '') AS installation, coalesce(resource['service.instance.id'], '') AS mirror,
	coalesce(TRY_CAST(resource['otelusage.received'] AS BIGINT), 0) AS received,
	coalesce(scope_attributes['otelusage.kind'], '') AS kind, coalesce(scope_version, '') AS scope_version, metric, coalesce(unit, '') AS unit, type,
	coalesce(attributes['state'], '') AS state, coalesce(attributes['checkpoint'], '') AS checkpoint,
	coalesce(attributes['period'], '') AS period, coalesce(attributes['date'], '') AS date,
	array_to_string(list_sort([k || '=' || attributes[k] FOR k IN map_keys(attributes) IF k NOT IN ('otelusage.start', 'otelusage.end')]), ',') AS attributes,
	coalesce(TRY_CAST(coalesce(attributes['otelusage.start'], started) AS BIGINT), 0) AS started, coalesce(TRY_CAST(coalesce(attributes['otelusage.end'], ended) AS BIGINT), 0) AS ended,
	value, runs, buckets, 1::BIGINT AS arrivals
FROM all_points;

-- Every point of the Parquet files, once in each file; arrivals is how often it arrived.
CREATE OR REPLACE VIEW parquet_points AS
SELECT * FROM query(CASE WHEN len(getvariable('parquet_files')) = 0 THEN 'SELECT * FROM json_points WHERE false' ELSE
	'SELECT * FROM read_parquet(getvariable(''parquet_files''), hive_partitioning = false)' END);

-- Every point as it arrived.
CREATE OR REPLACE VIEW points AS
SELECT * FROM json_points UNION ALL BY NAME SELECT * FROM parquet_points;

-- Every point once. A resend after a lost answer has the same mirror, series and
-- interval. mirror is service.instance.id: of an installation's stream, or of the one
-- batch where submissions are unlinkable, which have no installation. What an erased
-- installation sent is left out: otelusage.erased names its stream.
CREATE OR REPLACE VIEW usage AS
SELECT application, version, installation, mirror, kind, scope_version, metric, unit, type, state, checkpoint, period, date, attributes, started, ended,
	min(received) AS received, min(value) AS value, min(runs) AS runs, min(buckets) AS buckets, CAST(sum(arrivals) AS BIGINT) AS arrivals
FROM points
WHERE mirror NOT IN (SELECT mirror FROM points WHERE metric = 'otelusage.erased' AND mirror <> '')
GROUP BY application, version, installation, mirror, kind, scope_version, metric, unit, type, state, checkpoint, period, date, attributes, started, ended;

-- The least number of installations behind a value that is shown: SET VARIABLE k = 25;
-- 10 without it, 1 shows everything.
CREATE OR REPLACE VIEW least_group AS SELECT coalesce(CAST(getvariable('k') AS BIGINT), 10) AS k;

-- usage with the values that fewer than k installations told replaced by 'other': sets
-- of attributes with their states and checkpoints, and versions. The sums stay exact.
--
-- How many installations told a value is never overestimated, except for those that
-- erased or changed their id in between. In one day, week or month an installation
-- says once that it was active, so as many requests as said that and told the value are
-- from as many installations, also where they have no ids. Where they have, an id
-- counts once in a twelfth of a year. And each installation is in one state at a time.
CREATE OR REPLACE VIEW shown AS
WITH told AS MATERIALIZED (
	SELECT *, CASE WHEN kind = 'state' THEN regexp_replace(metric, '[.](occupancy|changes)$', '') ELSE metric END AS name,
		CASE WHEN metric = 'otelusage.active' THEN '' ELSE attributes END AS tell
	FROM usage
), witnesses AS MATERIALIZED (
	SELECT DISTINCT application, mirror, ended, period || ' ' || date AS witness, mirror || ' ' || ended AS who
	FROM told WHERE metric = 'otelusage.active'
	UNION ALL
	SELECT DISTINCT application, mirror, ended, CAST(ended // 2629800000000000 AS VARCHAR) AS witness, mirror AS who
	FROM told WHERE installation <> ''
), sets AS (
	SELECT application, name, tell, max(n) AS installations
	FROM (
		SELECT t.application AS application, t.name AS name, t.tell AS tell, w.witness AS witness, count(DISTINCT w.who) AS n
		FROM told AS t JOIN witnesses AS w ON t.application = w.application AND t.mirror = w.mirror AND t.ended = w.ended
		GROUP BY t.application, t.name, t.tell, w.witness
		UNION ALL
		SELECT application, name, tell, '' AS witness, CAST(greatest(sum(value), 0) AS BIGINT) AS n
		FROM told WHERE metric LIKE '%.occupancy' GROUP BY application, name, tell
	) AS counted
	GROUP BY application, name, tell
), hidden AS MATERIALIZED (
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
FROM hidden AS h LEFT JOIN versions AS v ON h.application = v.application AND h.version = v.version AND h.name = v.name AND h.said = v.said;
