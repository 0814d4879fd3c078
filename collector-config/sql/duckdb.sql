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

-- Joins have their smaller side last. DuckDB cannot know the sizes, and guessing wrong
-- takes four times the memory.
SET disabled_optimizers = 'join_order,build_side_probe_side';

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

-- An attribute list as a map from text to text. Of a key that is there twice the
-- last value counts, one without a text does not.
CREATE OR REPLACE MACRO as_entries(list) AS list_transform(coalesce(list, []),
	lambda a: {'k': a."key", 'v': coalesce(a."value".stringValue, a."value".intValue, CAST(a."value".boolValue AS VARCHAR), CAST(a."value".doubleValue AS VARCHAR), '')});
CREATE OR REPLACE MACRO last_entries(entries) AS list_filter(entries,
	lambda e, i: e.k IS NOT NULL AND NOT list_contains(list_transform(entries[i + 1:], lambda later: later.k), e.k));
CREATE OR REPLACE MACRO as_map(list) AS coalesce(TRY(map_from_entries(as_entries(list))), map_from_entries(last_entries(as_entries(list))));

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
-- end, and the next request follows it at once. What is no JSON is left out, and what has no
-- number that can be a count.
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
		coalesce(TRY_CAST(p.asInt AS DOUBLE), p.asDouble) AS value, 0::BIGINT AS runs, '' AS buckets FROM numbers
	UNION ALL
	SELECT resource, scope, scope_version, scope_attributes, metric, unit, 'histogram', as_map(p.attributes), p.startTimeUnixNano, p.timeUnixNano,
		coalesce(p."sum", 0), TRY_CAST(p.count AS BIGINT), array_to_string(p.bucketCounts, ',')
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
FROM all_points
WHERE metric IS NOT NULL AND abs(value) <= 1e15 AND runs BETWEEN 0 AND 1e15;

-- Every point of the JSON files once, read when these statements are run: text takes
-- longest to read. SET VARIABLE read = false leaves it out.
CREATE OR REPLACE TABLE json_once AS
SELECT application, version, installation, mirror, kind, scope_version, metric, unit, type, state, checkpoint, period, date, attributes, started, ended,
	min(received) AS received, min(value) AS value, min(runs) AS runs, min(buckets) AS buckets, CAST(sum(arrivals) AS BIGINT) AS arrivals
FROM json_points WHERE coalesce(CAST(getvariable('read') AS BOOLEAN), true)
GROUP BY application, version, installation, mirror, kind, scope_version, metric, unit, type, state, checkpoint, period, date, attributes, started, ended;
CREATE OR REPLACE VIEW json_read AS SELECT '' AS source, * FROM json_once;

-- Every point of the Parquet files, once in each file; arrivals is how often it arrived.
CREATE OR REPLACE VIEW parquet_points AS
SELECT regexp_replace(filename, '[/\\]application=[^/\\]*[/\\]day=[^/\\]*[/\\][^/\\]*$', '') AS source, * EXCLUDE (filename)
FROM query(CASE WHEN len(getvariable('parquet_files')) = 0 THEN 'SELECT *, '''' AS filename FROM json_once WHERE false' ELSE
	'SELECT * FROM read_parquet(getvariable(''parquet_files''), hive_partitioning = false, filename = true)' END);

-- Every point, once for the JSON and once for each Parquet file; source is where it was read.
CREATE OR REPLACE VIEW points AS
SELECT * FROM parquet_points UNION ALL BY NAME SELECT * FROM json_read;

-- Every point once. A resend after a lost answer has the same mirror, series and
-- interval. mirror is service.instance.id: of an installation's stream, or of the one
-- batch where submissions are unlinkable, which have no installation. What an erased
-- installation sent is left out: otelusage.erased names its stream.
--
-- A source has each point once. So only intervals that more than one source has are
-- grouped, which are few. All others pass as they are. An interval is a number here: it
-- does not matter if two have the same.
CREATE OR REPLACE VIEW usage AS
WITH forgotten AS MATERIALIZED (
	SELECT DISTINCT mirror FROM points WHERE metric = 'otelusage.erased' AND mirror <> ''
), again AS MATERIALIZED (
	SELECT id FROM (SELECT DISTINCT source, hash(mirror, started, ended) AS id FROM points) AS intervals GROUP BY id HAVING count(*) > 1
)
SELECT application, version, installation, mirror, kind, scope_version, metric, unit, type, state, checkpoint, period, date, attributes, started, ended,
	received, value, runs, buckets, arrivals
FROM points
WHERE mirror NOT IN (FROM forgotten) AND hash(mirror, started, ended) NOT IN (FROM again)
UNION ALL
SELECT application, version, installation, mirror, kind, scope_version, metric, unit, type, state, checkpoint, period, date, attributes, started, ended,
	min(received), min(value), min(runs), min(buckets), CAST(sum(arrivals) AS BIGINT)
FROM points
WHERE mirror NOT IN (FROM forgotten) AND hash(mirror, started, ended) IN (FROM again)
GROUP BY application, version, installation, mirror, kind, scope_version, metric, unit, type, state, checkpoint, period, date, attributes, started, ended;

-- The least number of installations behind a value that is shown: SET VARIABLE k = 25;
-- 10 without it, 1 shows everything.
CREATE OR REPLACE VIEW least_group AS SELECT coalesce(CAST(getvariable('k') AS BIGINT), 10) AS k;

-- The applications that at least k installations use, counted as below. Of the others
-- nothing is shown: each of their sums would be of fewer.
CREATE OR REPLACE VIEW shown_applications AS
SELECT application
FROM (
	SELECT application, period, date, sum(value) AS n FROM usage WHERE metric = 'otelusage.active' GROUP BY application, period, date
	UNION ALL
	SELECT application, '' AS period, CAST(ended // 2629800000000000 AS VARCHAR) AS date, CAST(count(DISTINCT mirror) AS DOUBLE) AS n FROM usage WHERE installation <> '' GROUP BY application, CAST(ended // 2629800000000000 AS VARCHAR)
	UNION ALL
	SELECT DISTINCT application, '' AS period, '' AS date, CAST(0 AS DOUBLE) AS n FROM usage
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
--
-- Most values were told by far more than k. So installations are counted in a sample
-- first, which is never more than there are, and all of them only for the values for
-- which that is not enough.
CREATE OR REPLACE VIEW shown_groups AS
WITH told AS NOT MATERIALIZED (
	SELECT *, CASE WHEN kind = 'state' THEN regexp_replace(metric, '[.](occupancy|changes)$', '') ELSE metric END AS name,
		CASE WHEN metric = 'otelusage.active' THEN '' ELSE attributes END AS tell, hash(application, mirror, ended) AS request
	FROM usage
), active AS MATERIALIZED (
	SELECT DISTINCT request, period || ' ' || date AS witness FROM told WHERE metric = 'otelusage.active'
), witnessed AS NOT MATERIALIZED (
	SELECT t.application, t.version, t.name, t.tell, w.witness, t.request AS who FROM told AS t JOIN active AS w ON t.request = w.request
	UNION ALL
	SELECT application, version, name, tell, CAST(ended // 2629800000000000 AS VARCHAR), hash(mirror) FROM told
	WHERE installation <> ''
), likely_sets AS MATERIALIZED (
	SELECT application, name, tell FROM witnessed WHERE tell <> '' AND who % 64 = 0
	GROUP BY application, name, tell, witness HAVING count(DISTINCT who) >= (SELECT k FROM least_group)
	UNION
	SELECT application, name, tell FROM told WHERE metric LIKE '%.occupancy'
	GROUP BY application, name, tell HAVING sum(value) >= (SELECT k FROM least_group)
), sets AS MATERIALIZED (
	SELECT application, name, tell FROM likely_sets
	UNION
	SELECT application, name, tell FROM witnessed WHERE tell <> '' AND (application, name, tell) NOT IN (FROM likely_sets)
	GROUP BY application, name, tell, witness HAVING count(DISTINCT who) >= (SELECT k FROM least_group)
), witnessed_versions AS NOT MATERIALIZED (
	SELECT application, version, name, CASE WHEN tell = '' OR (application, name, tell) IN (FROM sets) THEN tell ELSE 'other' END AS said, witness, who
	FROM witnessed WHERE version <> ''
), likely_versions AS MATERIALIZED (
	SELECT application, version, name, said FROM witnessed_versions WHERE who % 64 = 0
	GROUP BY application, version, name, said, witness HAVING count(DISTINCT who) >= (SELECT k FROM least_group)
), versions AS MATERIALIZED (
	SELECT DISTINCT application, version, name, said FROM likely_versions
	UNION
	SELECT application, version, name, said FROM witnessed_versions WHERE (application, version, name, said) NOT IN (FROM likely_versions)
	GROUP BY application, version, name, said, witness HAVING count(DISTINCT who) >= (SELECT k FROM least_group)
), hidden AS NOT MATERIALIZED (
	SELECT *, CASE WHEN tell = '' OR (application, name, tell) IN (FROM sets) THEN tell ELSE 'other' END AS said FROM told
)
SELECT application, CASE WHEN version = '' OR (application, version, name, said) IN (FROM versions) THEN version ELSE 'other' END AS version,
	installation, mirror, kind, metric, unit, type, CASE WHEN said = tell OR state = '' THEN state ELSE 'other' END AS state,
	CASE WHEN said = tell OR checkpoint = '' THEN checkpoint ELSE 'other' END AS checkpoint,
	period, date, CASE WHEN said = tell THEN attributes ELSE 'other' END AS attributes,
	started, ended, received, value, runs, buckets, arrivals
FROM hidden
WHERE application IN (FROM shown_applications);
CREATE OR REPLACE VIEW shown AS
SELECT * FROM query(CASE WHEN coalesce(CAST(getvariable('k') AS BIGINT), 10) > 1 THEN 'SELECT * FROM shown_groups' ELSE
	'SELECT application, version, installation, mirror, kind, metric, unit, type, state, checkpoint, period, date, attributes, started, ended, received, value, runs, buckets, arrivals FROM usage' END);
