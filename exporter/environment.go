package exporter

import (
	"net/url"
	"os"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// SubtractEnvironment returns r without what OTEL_RESOURCE_ATTRIBUTES and
// OTEL_SERVICE_NAME put into it. These variables belong to the user, and the SDK
// merges them into resource.Default and into the resource of every
// MeterProvider. An attribute that has the environment's value is taken for the
// environment's, also where the application names the same value. r is not
// changed. A nil r gives a resource without attributes.
func SubtractEnvironment(r *resource.Resource) *resource.Resource {
	rest := newUserAttributes(os.Getenv).without(*r.Set())
	return resource.NewWithAttributes(r.SchemaURL(), rest.ToSlice()...)
}

// userAttributes are the attributes that the user's environment puts into
// resources. A key can have two values: service.name in either variable.
type userAttributes map[attribute.Key][]string

// newUserAttributes reads the variables as the SDK's detector does, which
// prints what is malformed in them.
func newUserAttributes(getenv func(string) string) userAttributes {
	u := make(userAttributes)
	for pair := range strings.SplitSeq(strings.TrimSpace(getenv("OTEL_RESOURCE_ATTRIBUTES")), ",") {
		name, raw, found := strings.Cut(pair, "=")
		if !found {
			continue
		}
		value, err := url.PathUnescape(strings.TrimSpace(raw))
		if err != nil {
			value = raw
		}
		key := attribute.Key(strings.TrimSpace(name))
		u[key] = append(u[key], value)
	}
	if name := strings.TrimSpace(getenv("OTEL_SERVICE_NAME")); name != "" {
		u["service.name"] = append(u["service.name"], name)
	}
	return u
}

// without returns set without what u put into it.
func (u userAttributes) without(set attribute.Set) attribute.Set {
	if len(u) == 0 {
		return set
	}
	rest, _ := set.Filter(func(kv attribute.KeyValue) bool {
		for _, value := range u[kv.Key] {
			if kv.Value.Type() == attribute.STRING && kv.Value.AsString() == value {
				return false
			}
		}
		return true
	})
	return rest
}
