package setup

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// NeverSubmit as Config.SubmitInterval records on this machine only, even with a
// destination: submit_interval_s = 0 in a file.
const NeverSubmit = standalone.NeverSubmit

// NeverCheck as Config.CheckInterval submits only when Usage.Submit is called:
// check_interval_s = 0 in a file.
const NeverCheck = standalone.NeverCheck

// JournalOff as Config.Journal keeps what is counted between two recordings in memory
// alone: journal = false in a file.
const JournalOff = standalone.JournalOff

// NoWait as Config.ShutdownGrace or Config.SubmitWait waits for nothing at the
// end: shutdown_grace_s = 0 or submit_wait_s = 0 in a file.
const NoWait = standalone.NoWait

// MaxRecordInterval is the longest time between two recordings, and so the most
// that a killed process without a journal loses. A longer Config.RecordInterval is cut to it.
const MaxRecordInterval = time.Minute

// maxInterval catches milliseconds that are given as seconds, and worse.
const maxInterval = 10 * 366 * 24 * time.Hour

// Config holds the keys of a configuration file, under the file's names, and
// settings that only code can make. Its zero value, with an ApplicationName, records into the
// default mirror and sends nothing.
type Config struct {
	FilePath           string // filepath; default localstore.DefaultPath(ApplicationName)
	ApplicationName    string // application_name
	ApplicationVersion string // application_version
	InstallationID     string // installation_id; at most 255 characters
	ImportFrom         string // the Python library's database; default: what lies at FilePath, see localstore.ImportFrom

	// Unlinkable (unlinkable) gives each submission an id of its own and sends none of
	// the installation. Not with HQ: exporter.ErrNeedsID.
	Unlinkable bool

	// InstallationRotation (installation_rotation_days) is how old the installation's
	// ids get before they are changed; 0 for ever. Not with HQ, and not with an
	// InstallationID.
	InstallationRotation time.Duration

	SubmitInterval time.Duration // submit_interval_s; 0: exporter.DefaultSubmitInterval; NeverSubmit
	CheckInterval  time.Duration // check_interval_s; 0: exporter.DefaultCheckInterval; NeverCheck

	ShutdownGrace time.Duration // shutdown_grace_s; 0: exporter.DefaultShutdownGrace; NoWait
	SubmitWait    time.Duration // submit_wait_s; 0: exporter.DefaultSubmitWait; NoWait

	// Journal (journal = false for JournalOff) says whether what is counted between two
	// recordings survives the death of the process.
	Journal standalone.JournalMode

	// Debug (debug) also hands the error that Start returns to OnError. It does
	// not change what is recorded or sent, and nothing is ever printed.
	Debug bool

	// Disabled (enabled = false) records nothing: no file is made, and
	// trackables count in memory.
	Disabled bool

	// DeclaredOnly (declared_only) records no free text; see otelusage.DeclaredOnly.
	DeclaredOnly bool

	OTLP *OTLP // the destination is a Collector
	HQ   *HQ   // the destination is an HQ server

	RequireConsent bool          // send nothing before Usage.Enable
	RecordInterval time.Duration // default and at most MaxRecordInterval
	CloseTimeout   time.Duration // default standalone.DefaultCloseTimeout

	Tracker  *otelusage.Tracker // nil: otelusage.Default(); see standalone.Start
	Resource *resource.Resource // more resource attributes, through the allow-list
	OnError  func(error)        // nil: errors are kept for Usage.Err

	// Notes name the parts of the file that have no effect, each as a
	// [*FileError]: unknown sections and keys, duplicate keys, a destination
	// without submit_interval_s. Start passes them to OnError and keeps them for
	// Usage.Err.
	Notes []error
}

// OTLP is the section of that name: an OpenTelemetry Collector or another
// receiver of OTLP over HTTP. The user's OTEL_EXPORTER_OTLP_* is not read.
type OTLP struct {
	Endpoint    string            // endpoint; required; see otlp.WithEndpointURL
	Headers     map[string]string `json:"-"` // headers; see otlp.WithHeaders
	Compression string            // compression; gzip or none, default gzip
	Timeout     time.Duration     // timeout_s; default otlp.DefaultTimeout

	// LenientAnswers (lenient_answers) treats 2xx answers that are not OTLP as
	// success; see otlp.WithLenientAnswers.
	LenientAnswers bool

	TLSConfig *tls.Config `json:"-"` // default: the system's authorities
}

// HQ is the section of that name: a server of the AnonymousUsage library.
type HQ struct {
	Host      string        // host; required; https where no scheme is written
	APIKey    string        `json:"-"` // api_key; required
	Timeout   time.Duration // timeout_s; default as in package hq
	TLSConfig *tls.Config   `json:"-"` // default: the system's authorities
}

// String returns the destination without its headers and its path, which may be
// a secret.
func (o OTLP) String() string {
	return fmt.Sprintf("OTLP{Endpoint: %q, Headers: %d of them, Compression: %q, Timeout: %v}",
		shownHost(o.Endpoint), len(o.Headers), o.Compression, o.Timeout)
}

// Format implements [fmt.Formatter]: every verb is String.
func (o OTLP) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, o.String()) }

// LogValue implements [slog.LogValuer]: String.
func (o OTLP) LogValue() slog.Value { return slog.StringValue(o.String()) }

// MarshalText implements [encoding.TextMarshaler], and so JSON: String.
func (o OTLP) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// String returns the destination without its API key and its path.
func (h HQ) String() string {
	return fmt.Sprint(hq.Config{Host: h.Host, APIKey: h.APIKey, Timeout: h.Timeout})
}

// Format implements [fmt.Formatter]: every verb is String.
func (h HQ) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, h.String()) }

// LogValue implements [slog.LogValuer]: String.
func (h HQ) LogValue() slog.Value { return slog.StringValue(h.String()) }

// MarshalText implements [encoding.TextMarshaler], and so JSON: String.
func (h HQ) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// shownHost returns scheme and host of a URL.
func shownHost(rawURL string) string {
	u, err := url.Parse(rawURL)
	switch {
	case rawURL == "":
		return ""
	case err != nil || u.Host == "":
		return "***"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
}

// notes leaves out those that code has fixed.
func (c *Config) notes() (notes []error) {
	for _, note := range c.Notes {
		if c.SubmitInterval == NeverSubmit || !errors.Is(note, ErrNeverSubmits) {
			notes = append(notes, note)
		}
	}
	return notes
}

// standalone returns c for the package that does the work.
func (c *Config) standalone() standalone.Config {
	record := c.RecordInterval
	if record <= 0 {
		record = exporter.DefaultRecordInterval
	}
	return standalone.Config{
		FilePath: c.FilePath, ApplicationName: c.ApplicationName, ApplicationVersion: c.ApplicationVersion,
		InstallationID: c.InstallationID, ImportFrom: c.ImportFrom,
		Unlinkable: c.Unlinkable, InstallationRotation: c.InstallationRotation,
		RecordInterval: min(record, MaxRecordInterval), CheckInterval: c.CheckInterval,
		SubmitInterval: c.SubmitInterval, CloseTimeout: c.CloseTimeout, ShutdownGrace: c.ShutdownGrace, SubmitWait: c.SubmitWait,
		Journal: c.Journal, RequireConsent: c.RequireConsent, Disabled: c.Disabled, DeclaredOnly: c.DeclaredOnly,
		Tracker: c.Tracker, Resource: c.Resource, OnError: c.OnError, Notes: c.notes(),
	}
}
