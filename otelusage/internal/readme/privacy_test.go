package readme

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

var update = flag.Bool("update", false, "write what is sent into PRIVACY.md")

const privacy = "otelusage/PRIVACY.md"

// declared are the names of what the program below counts.
var declared = []string{"exports", "paper_used", "page_size", "render", "first_export"}

// use counts a little of each kind, submits, and changes a state.
func use(t *testing.T, forwarder sdkmetric.Exporter, r *resource.Resource) *standalone.Usage {
	t.Helper()
	t.Setenv("DO_NOT_TRACK", "")
	t.Setenv("OTEL_SDK_DISABLED", "")
	usage, err := standalone.Start(t.Context(), standalone.Config{
		FilePath: filepath.Join(t.TempDir(), "usage.db"), ApplicationName: "mytool", ApplicationVersion: "1.0.0",
		InstallationID: "00000000-0000-4000-8000-000000000001", Forwarder: forwarder, Tracker: new(otelusage.Tracker), Resource: r,
	})
	must(t, err)
	t.Cleanup(func() { must(t, usage.Close()) })
	tracker := usage.Tracker()
	exports, err := tracker.Statistic("exports", otelusage.WithDescription("Documents exported"), otelusage.WithUnit("{document}"), otelusage.Monotonic())
	must(t, err)
	paper, err := tracker.FloatStatistic("paper_used")
	must(t, err)
	size, err := tracker.State("page_size", "A4")
	must(t, err)
	render, err := tracker.Timer("render")
	must(t, err)
	first, err := tracker.Sequence("first_export", []string{"open", "export"})
	must(t, err)
	exports.With(attribute.String("format", "pdf")).Add(3)
	paper.Add(0.5)
	size.Set("A4")
	render.Record(t.Context(), 90*time.Second)
	first.Hit("open")
	first.Hit("export")
	must(t, usage.Submit(t.Context()))
	return usage
}

// explained returns what the first cells of the page's tables name.
func explained(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	for line := range strings.Lines(documentsOf(t)[privacy]) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cell, _, _ := strings.Cut(line[2:], " |")
		for _, m := range regexp.MustCompile("`([^`]*)`").FindAllStringSubmatch(cell, -1) {
			names[m[1]] = true
		}
	}
	return names
}

// fields calls found for all that a message has: Message.field, and of attributes
// their keys.
func fields(t *testing.T, m protoreflect.Message, found func(string)) {
	t.Helper()
	if len(m.GetUnknown()) > 0 {
		t.Errorf("%s has fields that nobody knows", m.Descriptor().Name())
	}
	if kv, ok := m.Interface().(*common.KeyValue); ok {
		found(kv.Key)
		return
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsList() && fd.Message() != nil:
			for i := range v.List().Len() {
				fields(t, v.List().Get(i).Message(), found)
			}
		case fd.Message() != nil:
			fields(t, v.Message(), found)
		default:
			found(fmt.Sprintf("%s.%s", fd.ContainingMessage().Name(), fd.JSONName()))
			if metric, ok := m.Interface().(*metrics.Metric); ok && fd.Name() == "name" {
				found("metric " + metric.Name)
			}
		}
		return true
	})
}

// everyKey is a resource with all attributes that may leave, and some that may not.
func everyKey() *resource.Resource {
	attrs := []attribute.KeyValue{attribute.String("host.name", "ada-laptop"), attribute.String("process.owner", "ada-lovelace"), attribute.String("os.description", "ada-laptop")}
	for _, key := range exporter.DefaultResourceKeys() {
		if strings.HasPrefix(string(key), "os.") || strings.HasPrefix(string(key), "process.") || strings.HasPrefix(string(key), "deployment.") || key == "service.namespace" || key == "telemetry.sdk.version" {
			attrs = append(attrs, key.String("set by the developer"))
		}
	}
	return resource.NewSchemaless(attrs...)
}

// TestPrivacyExplainsEveryField of the requests of a program, also when it erases, and
// names no field that is never sent.
func TestPrivacyExplainsEveryField(t *testing.T) {
	w := tap(t, "application/x-protobuf", "")
	forwarder, err := otlp.New(t.Context(), otlp.WithEndpointURL(w.URL+"/v1/metrics"))
	must(t, err)
	usage := use(t, forwarder, everyKey())
	must(t, usage.Erase(t.Context()))
	must(t, usage.Close())

	names, sent := explained(t), make(map[string]bool)
	for _, r := range w.requests(t) {
		first, headers := r.headers()
		if first != "POST /v1/metrics HTTP/1.1" {
			t.Errorf("a request begins %q", first)
		}
		for _, name := range headers {
			sent[name] = true
		}
	}
	decoded := w.decoded(t)
	if len(decoded) < 2 {
		t.Errorf("%d requests were sent", len(decoded))
	}
	for _, message := range decoded {
		fields(t, message.ProtoReflect(), func(name string) { sent[name] = true })
	}
	for name := range sent {
		metric, isMetric := strings.CutPrefix(name, "metric ")
		if isMetric {
			if slices.Contains(declared, metric) {
				continue
			}
			for _, own := range declared {
				metric = strings.Replace(metric, own+".", "NAME.", 1)
			}
			name = metric
		}
		if !names[name] {
			t.Errorf("%s does not explain %q, which is sent", privacy, name)
		}
	}
	for name := range names {
		field := strings.Contains(name, ".") && strings.ToUpper(name[:1]) == name[:1] && !strings.Contains(name, "NAME")
		if field && !sent[name] {
			t.Errorf("%s explains %q, which is not sent", privacy, name)
		}
	}
	for _, key := range exporter.DefaultResourceKeys() {
		if !sent[string(key)] {
			t.Errorf("%s may leave, and was not sent here", key)
		}
	}
	for _, body := range w.requests(t) {
		if bytes.Contains(body.body, []byte("ada-")) {
			t.Error("what identifies was sent")
		}
	}
}

// TestPrivacyExplainsEveryFieldOfHQ.
func TestPrivacyExplainsEveryFieldOfHQ(t *testing.T) {
	w := tap(t, "text/html", "Success")
	forwarder, err := hq.New(hq.Config{Host: w.URL, APIKey: "key"})
	must(t, err)
	must(t, use(t, forwarder, nil).Close())
	names, all := explained(t), w.requests(t)
	if len(all) == 0 {
		t.Fatal("nothing was sent")
	}
	for _, r := range all {
		_, headers := r.headers()
		var body map[string]json.RawMessage
		must(t, json.Unmarshal(r.body, &body))
		for name := range body {
			headers = append(headers, name)
		}
		var data map[string]map[string]json.RawMessage
		must(t, json.Unmarshal(body["Data"], &data))
		for name, trackable := range data {
			if !slices.Contains(declared, name) {
				headers = append(headers, name)
			}
			for field := range trackable {
				headers = append(headers, field)
			}
		}
		for _, name := range headers {
			if !names[name] {
				t.Errorf("%s does not explain %q, which is sent to HQ", privacy, name)
			}
		}
	}
}

var (
	list  = regexp.MustCompile(`\[[^\[\]{}]*\]`)
	space = regexp.MustCompile(`\s+`)
	when  = regexp.MustCompile(`"(startTimeUnixNano|timeUnixNano)": "[0-9]*"`)
	day   = regexp.MustCompile(`20[0-9]{2}-[0-9]{2}-[0-9]{2}`)
)

func values(p *metrics.NumberDataPoint) (text string) {
	for _, kv := range p.Attributes {
		text += kv.Key + "=" + kv.Value.GetStringValue() + ","
	}
	return text
}

// shownRequest returns a request as the page shows it: with times, dates and the
// random id of the mirror replaced, in an order that does not change, and on the
// system of the page's reader.
func shownRequest(t *testing.T, message *collector.ExportMetricsServiceRequest) string {
	t.Helper()
	for _, rm := range message.ResourceMetrics {
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				slices.SortFunc(m.GetSum().GetDataPoints(), func(a, b *metrics.NumberDataPoint) int { return strings.Compare(values(a), values(b)) })
			}
			slices.SortFunc(sm.Metrics, func(a, b *metrics.Metric) int { return strings.Compare(a.Name, b.Name) })
		}
		slices.SortFunc(rm.ScopeMetrics, func(a, b *metrics.ScopeMetrics) int { return strings.Compare(a.Metrics[0].Name, b.Metrics[0].Name) })
	}
	raw, err := protojson.MarshalOptions{UseEnumNumbers: true}.Marshal(message)
	must(t, err)
	var indented bytes.Buffer
	must(t, json.Indent(&indented, raw, "", " "))
	text := when.ReplaceAllStringFunc(indented.String(), func(s string) string {
		if strings.Contains(s, "start") {
			return `"startTimeUnixNano": "1796076000000000000"`
		}
		return `"timeUnixNano": "1796079600000000000"`
	})
	text = list.ReplaceAllStringFunc(text, func(s string) string { return space.ReplaceAllString(s, " ") })
	text = regexp.MustCompile(`\{\s*"key": "([^"]*)",\s*"value": \{\s*"(\w+)": ("[^"]*"|\w+)\s*\}\s*\}`).ReplaceAllString(text, `{ "key": "$1", "value": { "$2": $3 } }`)
	text = regexp.MustCompile(`("service.instance.id", "value": \{ "stringValue": ")[^"]*`).ReplaceAllString(text, "${1}00000000-0000-4000-8000-000000000002")
	text = day.ReplaceAllString(text, "2026-12-01")
	text = strings.ReplaceAll(text, `"`+runtime.GOOS+`"`, `"linux"`)
	return strings.ReplaceAll(text, `"`+runtime.GOARCH+`"`, `"amd64"`)
}

// TestPrivacyShowsARequest: what the page shows is what is sent. With -update it is
// written there.
func TestPrivacyShowsARequest(t *testing.T) {
	w := tap(t, "application/x-protobuf", "")
	forwarder, err := otlp.New(t.Context(), otlp.WithEndpointURL(w.URL+"/v1/metrics"))
	must(t, err)
	must(t, use(t, forwarder, nil).Close())
	heard := w.requests(t)
	var head strings.Builder
	for _, line := range heard[0].head {
		line = strings.Replace(line, "Host: "+w.Listener.Addr().String(), "Host: usage.example.com", 1)
		head.WriteString(line + "\n")
	}
	page := documentsOf(t)[privacy]
	for kind, shown := range map[string]string{"http": head.String(), "json": shownRequest(t, w.decoded(t)[0]) + "\n"} {
		fence := regexp.MustCompile("(?s)\n```" + kind + "\n(.*?)```\n")
		m := fence.FindStringSubmatchIndex(page)
		switch {
		case m == nil:
			t.Fatalf("%s shows no request", privacy)
		case page[m[2]:m[3]] == shown:
		case *update:
			page = page[:m[2]] + shown + page[m[3]:]
		default:
			t.Errorf("%s shows\n%s\nwhat is sent is\n%s", privacy, page[m[2]:m[3]], shown)
		}
	}
	if *update {
		must(t, os.WriteFile(filepath.Join(root(t), filepath.FromSlash(privacy)), []byte(page), 0o644))
	}
}
