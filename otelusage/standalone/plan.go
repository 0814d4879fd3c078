package standalone

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Plan returns everything that a program with this configuration can record and
// send: what its tracker has declared by now, and what leaves the machine. It reads
// no mirror and uses no network.
func (c Config) Plan() otelusage.Plan {
	tracker := c.Tracker
	if tracker == nil {
		tracker = otelusage.Default()
	}
	p := tracker.Plan()
	if c.DeclaredOnly {
		p = p.OnlyDeclared()
	}
	p.Application = c.ApplicationName
	p.Sending = c.plannedSending()
	if c.Disabled {
		p.Trackables = []otelusage.PlannedTrackable{}
	}
	return p
}

func (c *Config) plannedSending() *otelusage.PlannedSending {
	forwarder, err := c.forwarder()
	if forwarder == nil || err != nil || c.Disabled {
		return new(otelusage.PlannedSending)
	}
	s := &otelusage.PlannedSending{RequireConsent: c.RequireConsent, Totals: merges(forwarder),
		Unlinkable: c.Unlinkable, RotationSeconds: max(c.InstallationRotation, 0).Seconds()}
	s.Protocol, s.Destination = described(forwarder)
	interval := c.SubmitInterval
	if interval == 0 {
		interval = exporter.DefaultSubmitInterval
	}
	s.IntervalSeconds = interval.Seconds()
	for _, kv := range c.plannedResource() {
		m := meanings[kv.Key]
		if c.Unlinkable && kv.Key == semconv.ServiceInstanceIDKey {
			m.text = "a random number of this submission, which no other has"
		}
		if s.Totals && !m.total {
			continue
		}
		sent := otelusage.PlannedText{Key: string(kv.Key), Meaning: m.text}
		if m.fixed {
			sent.Value = kv.Value.AsString()
		}
		s.With = append(s.With, sent)
	}
	return s
}

// described returns what a forwarder says of itself where it may be shown: the
// destination without a path, which may be a secret.
func described(forwarder sdkmetric.Exporter) (protocol, destination string) {
	if f, ok := forwarder.(interface{ MarshalLog() any }); ok {
		if log, ok := f.MarshalLog().(struct{ Type, Endpoint string }); ok {
			return strings.TrimSuffix(log.Type, " usage forwarder"), host(log.Endpoint)
		}
	}
	return fmt.Sprintf("%T", forwarder), "a destination of the application's own"
}

func host(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return endpoint
	}
	return u.Scheme + "://" + u.Host
}

func merges(forwarder sdkmetric.Exporter) bool {
	m, ok := forwarder.(interface{ MergeResources() bool })
	return ok && m.MergeResources()
}

// plannedResource returns what is sent of the resource, by key, and the ids.
func (c *Config) plannedResource() []attribute.KeyValue {
	set, _ := c.resource().Set().Filter(func(kv attribute.KeyValue) bool {
		return slices.Contains(exporter.DefaultResourceKeys(), kv.Key)
	})
	if c.Unlinkable {
		return append(set.ToSlice(), semconv.ServiceInstanceID(""))
	}
	return append(set.ToSlice(), semconv.AppInstallationID(""), semconv.ServiceInstanceID(""))
}

// meaning is what a key of the resource says.
type meaning struct {
	text  string
	fixed bool // the value is the same on every machine and in every release
	total bool // it is also sent with totals
}

// meanings are those of the exporter's resource keys, and of the ids.
var meanings = map[attribute.Key]meaning{
	semconv.ServiceNameKey:               {"the application", true, true},
	semconv.ServiceVersionKey:            {"its version", false, true},
	semconv.ServiceNamespaceKey:          {"a group of applications", true, false},
	semconv.DeploymentEnvironmentNameKey: {"such as production or testing", true, false},
	semconv.OSTypeKey:                    {"the kind of operating system, such as linux", false, false},
	semconv.OSNameKey:                    {"the name of the operating system", false, false},
	semconv.OSVersionKey:                 {"the version of the operating system", false, false},
	semconv.HostArchKey:                  {"the kind of processor, such as amd64", false, false},
	semconv.ProcessRuntimeNameKey:        {"the language's runtime", false, false},
	semconv.ProcessRuntimeVersionKey:     {"the version of the language's runtime", false, false},
	semconv.TelemetrySDKNameKey:          {"the library that sends", true, false},
	semconv.TelemetrySDKLanguageKey:      {"the language of the library that sends", true, false},
	semconv.TelemetrySDKVersionKey:       {"the version of the library that sends", false, false},
	semconv.TelemetryDistroNameKey:       {"the module that counts", true, false},
	semconv.TelemetryDistroVersionKey:    {"the version of what that module sends", false, false},
	semconv.AppInstallationIDKey:         {"a random number that was made with the file of counts; erasing makes another", false, true},
	semconv.ServiceInstanceIDKey:         {"a second random number, of that file", false, false},
}

var _ otelusage.Planner = Config{}
