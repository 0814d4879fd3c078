package hostile

import (
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/fleet"
)

// texts are attacks with texts that the archive's readers or Prometheus do not
// take, or that should not be kept.
func texts() []Attack {
	one := func() *metric { return counter("others", whole(1)) }
	point := func(attributes ...*attribute) func() ([]Body, error) {
		return send(like(statistics(counter("others", whole(1, attributes...)))))
	}
	from := func(attributes ...*attribute) func() ([]Body, error) {
		return send(with(append(editor(), attributes...), statistics(one())))
	}
	changed := func(change func(*request)) func() ([]Body, error) {
		r := like(statistics(one()))
		change(r)
		return send(r)
	}
	const key, value, long = `.attributes, "key", "[\\x00`, `.attributes, "value", "[\\x00`, `.attributes, "^$$|^.{101}|`
	return []Attack{
		{Name: "duplicate attribute keys of a point", Rules: []string{"datapoint" + key}, Bodies: point(text("a", "1"), text("a", "2"))},
		{Name: "duplicate attribute keys of a resource", Rules: []string{"resource" + key}, Bodies: from(text("a", "1"), text("a", "2"))},
		{Name: "the application twice", Rules: []string{"resource" + key}, Secret: "second application", Bodies: from(text("service.name", "second application"))},
		{Name: "an empty attribute key of a point", Rules: []string{"datapoint" + long}, Bodies: point(text("", "x"))},
		{Name: "an empty attribute key of a resource", Rules: []string{"resource" + long}, Bodies: from(text("", "x"))},
		{Name: "invalid UTF-8 in a key of a point", Rules: []string{"datapoint" + key}, Bodies: point(text(bad, "x"))},
		{Name: "invalid UTF-8 in a key of a resource", Rules: []string{"resource" + key}, Bodies: from(text(bad, "x"))},
		{Name: "invalid UTF-8 in a value of a point", Rules: []string{"datapoint" + value}, Bodies: point(text("a", bad))},
		{Name: "invalid UTF-8 in a value of a resource", Rules: []string{"resource" + value}, Bodies: from(text("a", bad), text("os.type", bad))},
		{Name: "invalid UTF-8 in the version", Rules: []string{"resource" + value}, Bodies: send(with([]*attribute{text("service.name", "editor"), text("service.version", bad)}, statistics(one())))},
		{Name: "control characters in a value", Rules: []string{"datapoint" + value}, Bodies: point(text("a", "x\x00\x1b[31m\n"))},
		{Name: "invalid UTF-8 in a metric's name", Rules: []string{`not IsMatch(name, "^[A-Za-z]`}, Bodies: send(like(statistics(counter("a"+bad, whole(1)))))},
		{Name: "invalid UTF-8 in a unit", Rules: []string{`not IsMatch(unit, `}, Bodies: send(like(statistics(sum("others", bad, true, whole(1)))))},
		{Name: "invalid UTF-8 in a description", Rules: []string{`set(metric.description, "") where`}, Bodies: changed(func(r *request) { r.ResourceMetrics[0].ScopeMetrics[0].Metrics[0].Description = bad })},
		{Name: "invalid UTF-8 in a metric's metadata", Rules: []string{`Len(metadata)`}, Bodies: changed(func(r *request) {
			r.ResourceMetrics[0].ScopeMetrics[0].Metrics[0].Metadata = []*attribute{text(bad, bad)}
		})},
		{Name: "invalid UTF-8 in the scope's version", Rules: []string{`set(scope.version, "") where`}, Bodies: changed(func(r *request) { r.ResourceMetrics[0].ScopeMetrics[0].Scope.Version = bad })},
		{Name: "invalid UTF-8 in the scope's schema", Rules: []string{`set(scope.schema_url, "") where`}, Bodies: changed(func(r *request) { r.ResourceMetrics[0].ScopeMetrics[0].SchemaUrl = bad })},
		{Name: "invalid UTF-8 in the resource's schema", Rules: []string{`set(resource.schema_url, "") where`}, Bodies: changed(func(r *request) { r.ResourceMetrics[0].SchemaUrl = bad })},
		{Name: "invalid UTF-8 in an entity", Bodies: changed(func(r *request) {
			r.ResourceMetrics[0].Resource.EntityRefs = []*commonpb.EntityRef{{Type: bad, SchemaUrl: bad, IdKeys: []string{bad}}}
		})},
		{Name: "values of other types that look the same", Rules: []string{`stringify_all(datapoint`}, Bodies: send(like(statistics(
			counter("saves", whole(1, binary("via", []byte{0xc1, 0xe6, 0xff}), text("sort.by", "date")), whole(1, text("via", "web"), binary("sort.by", []byte{0x75, 0xab, 0x5e})))))), Saves: 1},
		{Name: "a version of another type", Rules: []string{`stringify_all(resource`}, Bodies: send(with([]*attribute{text("service.name", "editor"), text("os.type", "linux"),
			{Key: "service.version", Value: &anyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: []*anyValue{text("", bad).Value}}}}}}, statistics(one())))},
		{Name: "a list and a map as values", Rules: []string{`stringify_all(datapoint`}, Bodies: point(nested("a", 3), text("b", "c"))},
		{Name: "values 10,000 deep", Bodies: send(with(append(editor(), nested("a", 10_000)), statistics(counter("others", whole(1, nested("b", 10_000))))))},
		{Name: "what identifies a person, in a resource", Rules: []string{"resource" + long}, Secret: "person", Bodies: from(text("host.name", "person"), text("user.name", "person"), text("process.command_args", "person"))},
		{Name: "what identifies a person, at a point", Rules: []string{"datapoint" + long}, Secret: "person", Bodies: point(text("host.name", "person"), text("user.name", "person"))},
		{Name: "another application", Rules: []string{`${env:OTELUSAGE_APPLICATIONS`}, Secret: "somebody's", Bodies: send(with([]*attribute{text("service.name", "somebody's")}, statistics(one())))},
		{Name: "no application", Rules: []string{`${env:OTELUSAGE_APPLICATIONS`}, Secret: "applicationless", Bodies: send(with([]*attribute{text("note", "applicationless")}, statistics(one())))},
		{Name: "other metrics", Rules: []string{`instrumentation_scope.name !=`}, Secret: "go.runtime", Bodies: send(like(&scoped{Scope: &commonpb.InstrumentationScope{Name: "go.runtime", Attributes: statistics().Scope.Attributes}, Metrics: []*metric{one()}}))},
		{Name: "nothing in a request", Bodies: send(&request{}, with(nil), with(editor()), like(statistics()), like(statistics(&metric{})), like(statistics(counter("others"))),
			&request{ResourceMetrics: []*resource{{Resource: &resourcepb.Resource{}}}})},
		{Name: "what the archive adds, from the sender", Bodies: send(with(append(editor(), text("otelusage.received", "x")), statistics(counter("saves", whole(1, text("sort.by", "date"), text("via", "web"), text("otelusage.start", "x"), text("otelusage.end", "y")))))), Saves: 1},
		{Name: "a clock of the year 2554", Bodies: send(like(statistics(counter("saves", numbered(whole(1, text("sort.by", "date"), text("via", "web")), func(n *number) {
			n.StartTimeUnixNano, n.TimeUnixNano = 9_000_000_000_000_000_000, 9_223_372_036_854_775_807
		}))))),
			Saves: 1, Counts: fleet.Totals{}},
	}
}
