package exporter

import (
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

var resourceKeys = []attribute.Key{
	"service.name", "service.version", "service.namespace", "deployment.environment.name",
	"os.type", "os.name", "os.version", "host.arch", "process.runtime.name", "process.runtime.version",
	"telemetry.sdk.name", "telemetry.sdk.language", "telemetry.sdk.version",
	"telemetry.distro.name", "telemetry.distro.version",
}

// DefaultResourceKeys returns the resource attributes that are recorded. All
// others (host names, users, paths, arguments) never reach the mirror. What the
// user's environment put into the provider's resource is left out too, whatever
// its key; see [SubtractEnvironment].
func DefaultResourceKeys() []attribute.Key { return slices.Clone(resourceKeys) }

func allowedResourceKey(kv attribute.KeyValue) bool { return slices.Contains(resourceKeys, kv.Key) }

// allowed returns what may be known of a provider's resource. What the
// developer named with WithResource stays, whatever the environment says.
func (e *Exporter) allowed(r *resource.Resource) attribute.Set {
	set := *r.Set()
	if e.config.resource != nil {
		set = *e.config.resource.Set()
	} else {
		set = e.environment.without(set)
	}
	set, _ = set.Filter(allowedResourceKey)
	return set
}

// resourceFor returns the handle for what may be known of a resource.
func (e *Exporter) resourceFor(r *resource.Resource) *series.Resource {
	allowed := e.allowed(r)
	key := allowed.Equivalent()
	handle := e.resources[key]
	if handle == nil {
		handle = &series.Resource{Attributes: allowed}
		e.resources[key] = handle
	}
	e.own.Store(&allowed)
	return handle
}

// learned tells the keeper what a collection says of the resource.
func (e *Exporter) learned(rm *metricdata.ResourceMetrics) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.keeper.Learned(e.resourceFor(rm.Resource))
}

// ownResource returns the resource this process records under, as far as it may
// be known; known is false before the first export, unless WithResource told it.
func (e *Exporter) ownResource() (set attribute.Set, known bool) {
	if own := e.own.Load(); own != nil {
		return *own, true
	}
	if e.config.resource == nil {
		return set, false
	}
	return e.allowed(nil), true
}
