-- The archive in ClickHouse, as clickhouse/gateway.yaml fills it: the points, with the
-- columns that the queries know. In a database of its own:
--
--   clickhouse client --query 'CREATE DATABASE otelusage'
--   clickhouse client --database otelusage --queries-file clickhouse/tables.sql --queries-file clickhouse/views.sql
--   clickhouse client --database otelusage --queries-file sql/totals.sql # a question
--
-- On a cluster: arrived as ReplicatedMergeTree ON CLUSTER, behind a Distributed table
-- with the sharding key cityHash64(mirror), so that what was sent twice is on one shard.

-- Every point as it arrived, once for each time it arrived. The order is that of the
-- view usage, which finds resends: they have the same mirror and interval.
CREATE TABLE IF NOT EXISTS arrived (
	application LowCardinality(String),
	version LowCardinality(String),
	installation String CODEC(ZSTD(1)),
	mirror String CODEC(ZSTD(1)),
	received Int64 CODEC(Delta, ZSTD(1)),
	kind LowCardinality(String),
	scope_version LowCardinality(String),
	metric LowCardinality(String),
	unit LowCardinality(String),
	type LowCardinality(String),
	state String CODEC(ZSTD(1)),
	checkpoint String CODEC(ZSTD(1)),
	period LowCardinality(String),
	date LowCardinality(String),
	attributes String CODEC(ZSTD(1)),
	started Int64 CODEC(ZSTD(1)),
	ended Int64 CODEC(ZSTD(1)),
	value Float64 CODEC(ZSTD(1)),
	runs Int64 CODEC(ZSTD(1)),
	buckets String CODEC(ZSTD(1))
) ENGINE = MergeTree
-- By the Collector's clock: those of installations may be fifty years off.
PARTITION BY toYYYYMM(fromUnixTimestamp64Nano(received))
ORDER BY (application, metric, mirror, ended, attributes)
-- The retention of everything with an id.
TTL toDateTime(intDiv(received, 1000000000)) + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1;

-- What the exporter inserts into. These tables keep nothing: the views below pass on
-- what is of use. Their columns are the exporter's, and it names the tables.
CREATE TABLE IF NOT EXISTS otel_metrics_sum (
	ResourceAttributes Map(LowCardinality(String), String), ResourceSchemaUrl String,
	ScopeName String, ScopeVersion String, ScopeAttributes Map(LowCardinality(String), String), ScopeDroppedAttrCount UInt32, ScopeSchemaUrl String,
	ServiceName LowCardinality(String), MetricName LowCardinality(String), MetricDescription String, MetricUnit String,
	Attributes Map(LowCardinality(String), String), StartTimeUnix DateTime64(9), TimeUnix DateTime64(9), Value Float64, Flags UInt32,
	Exemplars Nested (FilteredAttributes Map(LowCardinality(String), String), TimeUnix DateTime64(9), Value Float64, SpanId String, TraceId String),
	AggregationTemporality Int32, IsMonotonic Bool
) ENGINE = Null;

CREATE TABLE IF NOT EXISTS otel_metrics_gauge (
	ResourceAttributes Map(LowCardinality(String), String), ResourceSchemaUrl String,
	ScopeName String, ScopeVersion String, ScopeAttributes Map(LowCardinality(String), String), ScopeDroppedAttrCount UInt32, ScopeSchemaUrl String,
	ServiceName LowCardinality(String), MetricName LowCardinality(String), MetricDescription String, MetricUnit String,
	Attributes Map(LowCardinality(String), String), StartTimeUnix DateTime64(9), TimeUnix DateTime64(9), Value Float64, Flags UInt32,
	Exemplars Nested (FilteredAttributes Map(LowCardinality(String), String), TimeUnix DateTime64(9), Value Float64, SpanId String, TraceId String)
) ENGINE = Null;

CREATE TABLE IF NOT EXISTS otel_metrics_histogram (
	ResourceAttributes Map(LowCardinality(String), String), ResourceSchemaUrl String,
	ScopeName String, ScopeVersion String, ScopeAttributes Map(LowCardinality(String), String), ScopeDroppedAttrCount UInt32, ScopeSchemaUrl String,
	ServiceName LowCardinality(String), MetricName LowCardinality(String), MetricDescription String, MetricUnit String,
	Attributes Map(LowCardinality(String), String), StartTimeUnix DateTime64(9), TimeUnix DateTime64(9),
	Count UInt64, Sum Float64, BucketCounts Array(UInt64), ExplicitBounds Array(Float64),
	Exemplars Nested (FilteredAttributes Map(LowCardinality(String), String), TimeUnix DateTime64(9), Value Float64, SpanId String, TraceId String),
	Flags UInt32, Min Float64, Max Float64, AggregationTemporality Int32
) ENGINE = Null;

-- otelusage.start and otelusage.end are the interval as it was sent, which the Collector
-- has put beside times that any table can hold.
CREATE MATERIALIZED VIEW IF NOT EXISTS arrived_sums TO arrived AS
WITH mapFilter((k, v) -> k NOT IN ('otelusage.start', 'otelusage.end'), Attributes) AS told
SELECT ServiceName AS application, ResourceAttributes['service.version'] AS version,
	ResourceAttributes['app.installation.id'] AS installation, ResourceAttributes['service.instance.id'] AS mirror,
	toInt64OrZero(ResourceAttributes['otelusage.received']) AS received,
	ScopeAttributes['otelusage.kind'] AS kind, ScopeVersion AS scope_version, MetricName AS metric, MetricUnit AS unit,
	if(IsMonotonic, 'counter', 'updown') AS type,
	Attributes['state'] AS state, Attributes['checkpoint'] AS checkpoint, Attributes['period'] AS period, Attributes['date'] AS date,
	arrayStringConcat(arraySort(arrayMap((k, v) -> concat(k, '=', v), mapKeys(told), mapValues(told))), ',') AS attributes,
	toInt64OrZero(Attributes['otelusage.start']) AS started, toInt64OrZero(Attributes['otelusage.end']) AS ended,
	Value AS value, 0 AS runs, '' AS buckets
FROM otel_metrics_sum;

CREATE MATERIALIZED VIEW IF NOT EXISTS arrived_gauges TO arrived AS
WITH mapFilter((k, v) -> k NOT IN ('otelusage.start', 'otelusage.end'), Attributes) AS told
SELECT ServiceName AS application, ResourceAttributes['service.version'] AS version,
	ResourceAttributes['app.installation.id'] AS installation, ResourceAttributes['service.instance.id'] AS mirror,
	toInt64OrZero(ResourceAttributes['otelusage.received']) AS received,
	ScopeAttributes['otelusage.kind'] AS kind, ScopeVersion AS scope_version, MetricName AS metric, MetricUnit AS unit, 'gauge' AS type,
	Attributes['state'] AS state, Attributes['checkpoint'] AS checkpoint, Attributes['period'] AS period, Attributes['date'] AS date,
	arrayStringConcat(arraySort(arrayMap((k, v) -> concat(k, '=', v), mapKeys(told), mapValues(told))), ',') AS attributes,
	toInt64OrZero(Attributes['otelusage.start']) AS started, toInt64OrZero(Attributes['otelusage.end']) AS ended,
	Value AS value, 0 AS runs, '' AS buckets
FROM otel_metrics_gauge;

CREATE MATERIALIZED VIEW IF NOT EXISTS arrived_histograms TO arrived AS
WITH mapFilter((k, v) -> k NOT IN ('otelusage.start', 'otelusage.end'), Attributes) AS told
SELECT ServiceName AS application, ResourceAttributes['service.version'] AS version,
	ResourceAttributes['app.installation.id'] AS installation, ResourceAttributes['service.instance.id'] AS mirror,
	toInt64OrZero(ResourceAttributes['otelusage.received']) AS received,
	ScopeAttributes['otelusage.kind'] AS kind, ScopeVersion AS scope_version, MetricName AS metric, MetricUnit AS unit, 'histogram' AS type,
	Attributes['state'] AS state, Attributes['checkpoint'] AS checkpoint, Attributes['period'] AS period, Attributes['date'] AS date,
	arrayStringConcat(arraySort(arrayMap((k, v) -> concat(k, '=', v), mapKeys(told), mapValues(told))), ',') AS attributes,
	toInt64OrZero(Attributes['otelusage.start']) AS started, toInt64OrZero(Attributes['otelusage.end']) AS ended,
	Sum AS value, toInt64(Count) AS runs, arrayStringConcat(arrayMap(n -> toString(n), BucketCounts), ',') AS buckets
FROM otel_metrics_histogram;

CREATE OR REPLACE VIEW points AS SELECT * FROM arrived;
