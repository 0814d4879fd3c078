// Package clickhouse runs ClickHouse for tests, and asks it what sql/ asks. The engine
// is chDB, ClickHouse as a library, from the npm registry, behind ClickHouse's HTTP
// interface. It needs Node.js and npm.
package clickhouse
