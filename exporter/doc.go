// Package exporter records what an OpenTelemetry MeterProvider collects into a
// local mirror and forwards what is new.
//
//	store, err := localstore.Open(path)
//	exp, err := exporter.New(store, exporter.WithForwarder(forwarder), exporter.WithSubmitInterval(time.Hour))
//	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter.NewReader(exp)))
//	tracker, err := otelusage.New(otelusage.WithMeterProvider(provider), otelusage.WithLedger(store))
//
// # How the data goes
//
// The [Exporter] asks its reader for cumulative values and keeps, per series,
// the last one that is in the mirror. [Exporter.Export] writes the differences
// in one transaction, and counts from the new values only after the commit. So a
// failed export loses nothing: the next one carries it. An export that finds
// nothing new writes nothing.
//
// Submissions run beside exports, never inside them. One is due when sending is
// allowed, something is new, and the submit interval has passed since the last
// accepted submission of any run, as the mirror remembers it. Only what is in the
// mirror is sent; a [Reader] records into it before a submission that becomes due
// between two exports.
//
// # The forwarder
//
// Any sdkmetric.Exporter can be one. If its Temporality for counters is delta, it
// gets what is new, in sealed batches. A batch is retried unchanged until it is
// settled. If the Temporality is cumulative, the forwarder gets lifetime totals,
// per resource. With a method MergeResources() bool that returns true it gets the
// totals over all versions, under the resource of the process that submits, with
// zeros for what was declared and not used, and with a Statistic
// otelusage.submissions. An error of type *outcome.Error says exactly what became
// of a request; any other error keeps the data and backs off.
//
// # What is recorded
//
// Only the instruments of package otelusage, unless [WithScopes] admits more. Of
// the resource only the attributes listed at [DefaultResourceKeys], without what
// the user's OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME put into it. No
// exemplars, which would carry trace ids.
//
// # Options and environment
//
//	WithForwarder        none: record only
//	WithRecordInterval   1 min, of a Reader
//	WithSubmitInterval   1 h
//	WithCheckInterval    1 min; NeverCheck leaves it to Submit
//	WithRequestTimeout   30 s
//	WithScopes           otelusage alone
//	WithAttributeKeys    none, for the scopes that WithScopes admits
//	WithResource         the provider's
//	RequireConsent       not required
//	Disabled             not disabled
//	Unlinkable           one id per installation
//	WithRotation         ids are never changed
//	WithErrorHandler     otel.Handle
//	WithShutdownGrace    250 ms
//	WithSubmitWait       2 s
//
//	DO_NOT_TRACK=1             this process records and sends nothing; so does every
//	                           value except 0, false, no, off and an empty one
//	OTEL_SDK_DISABLED=true     this process records nothing and sends nothing
//
// OTEL_GO_X_CARDINALITY_LIMIT of the user has no effect on a [Reader]; another
// reader needs [Exporter.CardinalityLimit].
package exporter
