package standalone

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// DefaultCloseTimeout bounds [Usage.Close].
const DefaultCloseTimeout = 5 * time.Second

const (
	// NeverSubmit as Config.SubmitInterval records on this machine only, even
	// with a Forwarder. So does every negative interval.
	NeverSubmit time.Duration = -1

	// NeverCheck as Config.CheckInterval submits only when [Usage.Submit] is
	// called. So does every negative interval.
	NeverCheck = exporter.NeverCheck

	// NoWait as Config.ShutdownGrace or Config.SubmitWait waits for nothing,
	// where 0 is the default.
	NoWait = time.Nanosecond
)

// JournalMode says whether what is counted between two recordings is kept in a
// journal beside the mirror; see [exporter.WithJournal]. Its zero value is the
// default.
type JournalMode uint8

const (
	// JournalOn loses nothing when the process is killed, crashes or calls os.Exit.
	JournalOn JournalMode = iota

	// JournalOff keeps what is counted since the last recording in memory alone.
	JournalOff
)

// Config says what to track. Its zero value, with an ApplicationName, records
// into the default mirror and sends nothing.
type Config struct {
	FilePath           string // of the mirror; default localstore.DefaultPath(ApplicationName)
	ApplicationName    string // service.name; required where FilePath is empty
	ApplicationVersion string // service.version
	InstallationID     string // default: random, made with the mirror
	ImportFrom         string // the Python library's database; default: what lies at FilePath, see localstore.ImportFrom

	RecordInterval time.Duration // default exporter.DefaultRecordInterval
	CheckInterval  time.Duration // default exporter.DefaultCheckInterval; NeverCheck
	SubmitInterval time.Duration // default exporter.DefaultSubmitInterval; NeverSubmit
	CloseTimeout   time.Duration // default DefaultCloseTimeout
	ShutdownGrace  time.Duration // default exporter.DefaultShutdownGrace; NoWait
	SubmitWait     time.Duration // default exporter.DefaultSubmitWait; NoWait

	Journal JournalMode // default JournalOn

	Unlinkable           bool          // an id per submission, none of the installation; see exporter.Unlinkable
	InstallationRotation time.Duration // how old the installation's ids get; default for ever; see exporter.WithRotation

	RequireConsent bool // send nothing before Enable
	Disabled       bool // record nothing
	DeclaredOnly   bool // record no free text, see otelusage.DeclaredOnly

	Forwarder sdkmetric.Exporter // nil: local only
	Tracker   *otelusage.Tracker // nil: otelusage.Default(); see Start
	Resource  *resource.Resource // more attributes, through exporter.SubtractEnvironment and the allow-list
	OnError   func(error)        // nil: errors are kept for Err, never printed

	// Notes are errors found before the start that do not prevent it. They go to
	// OnError and are kept for Err.
	Notes []error
}

var errNoName = errors.New("neither FilePath nor ApplicationName is given")

func (c *Config) path() (string, error) {
	if c.FilePath != "" {
		return c.FilePath, nil
	}
	if c.ApplicationName == "" {
		return "", errNoName
	}
	return localstore.DefaultPath(c.ApplicationName)
}

func (c *Config) closeTimeout() time.Duration {
	if c.CloseTimeout > 0 {
		return c.CloseTimeout
	}
	return DefaultCloseTimeout
}

// forwarder refuses the nil pointer that a failed constructor leaves behind.
// Recording goes on without it.
func (c *Config) forwarder() (sdkmetric.Exporter, error) {
	if c.Forwarder == nil {
		return nil, nil
	}
	if v := reflect.ValueOf(c.Forwarder); v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, fmt.Errorf("forwarder is a nil %T: usage is recorded on this machine only", c.Forwarder)
	}
	if c.SubmitInterval < 0 {
		return nil, nil
	}
	if err := exporter.Check(append(c.identityOptions(), exporter.WithForwarder(c.Forwarder))...); err != nil {
		return nil, fmt.Errorf("%w: usage is recorded on this machine only", err)
	}
	return c.Forwarder, nil
}

// shutDownForwarder ends a forwarder that no exporter was given.
func (c *Config) shutDownForwarder(ctx context.Context) error {
	if c.Forwarder == nil {
		return nil
	}
	if v := reflect.ValueOf(c.Forwarder); v.Kind() == reflect.Pointer && v.IsNil() {
		return nil
	}
	return c.Forwarder.Shutdown(ctx)
}

func (c *Config) exporterOptions(forwarder sdkmetric.Exporter, onError func(error)) []exporter.Option {
	opts := append(c.identityOptions(), exporter.WithResource(c.resource()), exporter.WithErrorHandler(onError))
	if forwarder != nil {
		opts = append(opts, exporter.WithForwarder(forwarder))
	}
	if c.RecordInterval > 0 {
		opts = append(opts, exporter.WithRecordInterval(c.RecordInterval))
	}
	if c.SubmitInterval > 0 {
		opts = append(opts, exporter.WithSubmitInterval(c.SubmitInterval))
	}
	if c.CheckInterval != 0 {
		opts = append(opts, exporter.WithCheckInterval(c.CheckInterval))
	}
	if c.ShutdownGrace > 0 {
		opts = append(opts, exporter.WithShutdownGrace(c.ShutdownGrace))
	}
	if c.SubmitWait > 0 {
		opts = append(opts, exporter.WithSubmitWait(c.SubmitWait))
	}
	if c.Journal != JournalOff {
		opts = append(opts, exporter.WithJournal())
	}
	if c.RequireConsent {
		opts = append(opts, exporter.RequireConsent())
	}
	return opts
}

// identityOptions say under which ids is sent.
func (c *Config) identityOptions() []exporter.Option {
	opts := []exporter.Option{exporter.WithRotation(c.InstallationRotation)}
	if c.Unlinkable {
		opts = append(opts, exporter.Unlinkable())
	}
	return opts
}

// resource is built without the environment and without detectors, which may
// identify the machine.
func (c *Config) resource() *resource.Resource {
	attrs := []attribute.KeyValue{
		semconv.TelemetrySDKName("opentelemetry"), semconv.TelemetrySDKLanguageGo,
		semconv.TelemetryDistroName("anonymoususage"), semconv.TelemetryDistroVersion(otelusage.Version),
		semconv.OSTypeKey.String(runtime.GOOS), semconv.HostArchKey.String(runtime.GOARCH),
	}
	if c.Resource != nil {
		attrs = append(attrs, exporter.SubtractEnvironment(c.Resource).Attributes()...)
	}
	if c.ApplicationName != "" {
		attrs = append(attrs, semconv.ServiceName(c.ApplicationName))
	}
	if c.ApplicationVersion != "" {
		attrs = append(attrs, semconv.ServiceVersion(c.ApplicationVersion))
	}
	return resource.NewSchemaless(attrs...) // the last of equal keys wins
}
