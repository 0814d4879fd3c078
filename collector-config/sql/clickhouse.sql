-- The archive's files as a table, for ClickHouse (below the server's user_files, or
-- anywhere with clickhouse local), for the views in clickhouse/views.sql:
--
--   clickhouse local --multiquery --queries-file sql/clickhouse.sql --queries-file clickhouse/views.sql --queries-file sql/applications.sql
--
-- Where gateways fill ClickHouse, clickhouse/tables.sql stands for this file. duckdb.sql
-- creates the same views; the queries are the same for both.

-- Every point as it arrived, once for each time it arrived. started and ended
-- are nanoseconds by the installation's clock, received by the Collector's.
--
-- A table, because ClickHouse puts a view's text wherever it is named: as a view, shown
-- would read each file eleven times.
CREATE OR REPLACE TABLE archived ENGINE = MergeTree ORDER BY (application, metric, mirror, ended) AS
WITH
	list -> mapFromArrays(
		arrayMap(a -> JSONExtractString(a, 'key'), list),
		arrayMap(a -> coalesce(nullIf(JSONExtractString(a, 'value', 'stringValue'), ''), nullIf(JSONExtractString(a, 'value', 'intValue'), ''),
			nullIf(JSONExtractRaw(a, 'value', 'boolValue'), ''), JSONExtractRaw(a, 'value', 'doubleValue')), list)) AS as_map,
	requests AS (SELECT arrayJoin(JSONExtractArrayRaw(json, 'resourceMetrics')) AS rm FROM file('archive/usage*.jsonl', JSONAsString, 'json String')),
	scopes AS (SELECT as_map(JSONExtractArrayRaw(rm, 'resource', 'attributes')) AS resource, arrayJoin(JSONExtractArrayRaw(rm, 'scopeMetrics')) AS sm FROM requests),
	metrics AS (SELECT resource, JSONExtractString(sm, 'scope', 'version') AS scope_version,
		as_map(JSONExtractArrayRaw(sm, 'scope', 'attributes')) AS scope_attributes, arrayJoin(JSONExtractArrayRaw(sm, 'metrics')) AS m FROM scopes),
	typed AS (SELECT resource, scope_version, scope_attributes, JSONExtractString(m, 'name') AS metric, JSONExtractString(m, 'unit') AS unit,
		multiIf(JSONHas(m, 'histogram'), 'histogram', JSONHas(m, 'gauge'), 'gauge', JSONExtractBool(m, 'sum', 'isMonotonic'), 'counter', 'updown') AS type,
		arrayJoin(JSONExtractArrayRaw(m, multiIf(type = 'histogram', 'histogram', type = 'gauge', 'gauge', 'sum'), 'dataPoints')) AS p FROM metrics),
	all_points AS (SELECT *, as_map(JSONExtractArrayRaw(p, 'attributes')) AS a FROM typed)
SELECT resource['service.name'] AS application, resource['service.version'] AS version,
	resource['app.installation.id'] AS installation, resource['service.instance.id'] AS mirror,
	toInt64OrZero(resource['otelusage.received']) AS received,
	scope_attributes['otelusage.kind'] AS kind, scope_version, metric, unit, type,
	a['state'] AS state, a['checkpoint'] AS checkpoint, a['period'] AS period, a['date'] AS date,
	arrayStringConcat(arraySort(arrayMap((k, v) -> concat(k, '=', v), mapKeys(mapFilter((k, v) -> k NOT IN ('otelusage.start', 'otelusage.end'), a)),
		mapValues(mapFilter((k, v) -> k NOT IN ('otelusage.start', 'otelusage.end'), a)))), ',') AS attributes,
	toInt64OrZero(if(a['otelusage.start'] != '', a['otelusage.start'], JSONExtractString(p, 'startTimeUnixNano'))) AS started,
	toInt64OrZero(if(a['otelusage.end'] != '', a['otelusage.end'], JSONExtractString(p, 'timeUnixNano'))) AS ended,
	multiIf(type = 'histogram', JSONExtractFloat(p, 'sum'), JSONHas(p, 'asInt'), toFloat64(JSONExtractInt(p, 'asInt')), JSONExtractFloat(p, 'asDouble')) AS value,
	toInt64OrZero(JSONExtractString(p, 'count')) AS runs,
	arrayStringConcat(JSONExtract(p, 'bucketCounts', 'Array(String)'), ',') AS buckets
FROM all_points;

CREATE OR REPLACE VIEW points AS SELECT * FROM archived;
