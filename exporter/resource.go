package exporter

import (
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// telemetryPrefix begins the keys that describe the SDK, all of which pass.
const telemetryPrefix = "telemetry."

var resourceKeys = []attribute.Key{
	"service.name", "service.version", "service.namespace", "deployment.environment.name",
	"os.type", "os.name", "os.version", "host.arch", "process.runtime.name", "process.runtime.version",
}

// DefaultResourceKeys returns the resource attributes that are recorded, beside
// telemetry.*. All others (host names, users, paths, arguments, whatever the
// environment adds) never reach the mirror.
func DefaultResourceKeys() []attribute.Key { return slices.Clone(resourceKeys) }

func allowedResourceKey(kv attribute.KeyValue) bool {
	return slices.Contains(resourceKeys, kv.Key) || strings.HasPrefix(string(kv.Key), telemetryPrefix)
}

// resourceFor returns the handle for what may be known of a resource.
func (e *Exporter) resourceFor(r *resource.Resource) *localstore.Resource {
	if e.config.resource != nil {
		r = e.config.resource
	}
	allowed, _ := r.Set().Filter(allowedResourceKey)
	key := allowed.Equivalent()
	handle := e.resources[key]
	if handle == nil {
		handle = &localstore.Resource{Attributes: allowed}
		e.resources[key] = handle
	}
	e.own.Store(&allowed)
	return handle
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
	set, _ = e.config.resource.Set().Filter(allowedResourceKey)
	return set, true
}
