// Package grafana checks usage.json against Grafana's own schema, as its foundation
// SDK has it. It is a module of its own, because nothing else needs that SDK.
package grafana
