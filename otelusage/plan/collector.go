package plan

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// ErrNoApplication is returned by [Collector] for a plan that does not say whose it
// is. That of a Tracker does not; that of a standalone.Config or setup.Config does.
var ErrNoApplication = errors.New("the plan has no application")

// Collector returns a configuration for an OpenTelemetry Collector, in YAML, that is
// given to it beside production.yaml, gateway.yaml or aggregator.yaml of this project:
//
//	otelcol --config production.yaml --config plan.yaml
//
// What the plans do not declare is then left out: other applications, metrics, keys
// and checkpoints. Other values and states count as [otelusage.OtherValue], and so
// do versions that are not among the releases, in the plots. Where a plan allows any
// key or any value, anybody can still send series of that metric; without releases,
// of any version. Metrics that RenamedFrom names are let in under their former names
// too, for releases that still send them.
func Collector(plans []otelusage.Plan, releases []string) (string, error) {
	c := overlay{versions: ".*"}
	for _, release := range releases {
		if !version.MatchString(release) {
			return "", fmt.Errorf("write configuration: %w: the release %q", otelusage.ErrInvalidValue, release)
		}
		c.versions = alternatives(releases)
	}
	var applications []string
	for _, p := range plans {
		if p.Application == "" {
			return "", fmt.Errorf("write configuration: %w", ErrNoApplication)
		}
		applications = append(applications, kept(p.Application))
	}
	if len(plans) == 0 {
		return "", fmt.Errorf("write configuration: %w", ErrNoApplication)
	}
	c.drop("not " + matches(`resource.attributes["service.name"]`, applications...))
	for _, p := range plans {
		c.add(p)
	}
	return c.yaml(applications), nil
}

// version is what a release can be called in a configuration.
var version = regexp.MustCompile(`^[0-9A-Za-z.+_-]+$`)

// overlay collects what the configuration's processors do.
type overlay struct {
	versions  string   // a pattern
	resources []string // statements for resources
	points    []block  // for points
	metrics   []string // conditions for metrics that are left out
	numbers   []string // and for points
	plotted   []string // statements for resources, where they are plotted
}

// block is statements for the points that a condition holds for.
type block struct {
	condition  string
	statements []string
}

func (c *overlay) drop(condition string) { c.metrics = append(c.metrics, condition) }

// add adds what one application declares.
func (c *overlay) add(p otelusage.Plan) {
	its := fmt.Sprintf(`resource.attributes["service.name"] == %s`, quote(kept(p.Application)))
	c.resource(p, its)
	names := []string{otelusage.ReservedPrefix + "active", otelusage.ReservedPrefix + "erased"}
	c.keep(its, names[0], "date", "period")
	c.keep(its, names[1])
	for _, t := range p.Trackables {
		for _, name := range append([]string{t.Name}, t.RenamedFrom...) {
			names = append(names, c.trackable(its, name, t)...)
		}
	}
	c.drop(its + " and not " + matches("name", names...))
	c.plotted = append(c.plotted, fmt.Sprintf(`set(resource.attributes["service.version"], %s) where %s and resource.attributes["service.version"] != nil and not IsMatch(resource.attributes["service.version"], "^(${env:OTELUSAGE_VERSIONS:-%s})$$")`,
		quote(otelusage.OtherValue), its, escaping(c.versions)))
}

// resourceKeys are the keys of a resource that make series, besides its name and
// version.
var resourceKeys = []string{"service.namespace", "deployment.environment.name"}

// systems are the values of os.type.
var systems = []string{"aix", "android", "darwin", "dragonflybsd", "freebsd", "hpux", "illumos", "ios", "js", "linux", "netbsd", "openbsd", "plan9",
	"solaris", "wasip1", "windows", "z_os", "zos"}

// resource bounds what a resource can say.
func (c *overlay) resource(p otelusage.Plan, its string) {
	const attribute = `resource.attributes["%s"]`
	c.resources = append(c.resources, fmt.Sprintf(`set(%[1]s, %[2]s) where %[3]s and %[1]s != nil and not %[4]s`,
		fmt.Sprintf(attribute, "os.type"), quote(otelusage.OtherValue), its, matches(fmt.Sprintf(attribute, "os.type"), systems...)))
	for _, key := range resourceKeys {
		value, said := with(p, key)
		switch {
		case !said:
			c.resources = append(c.resources, fmt.Sprintf(`delete_key(resource.attributes, %s) where %s`, quote(key), its))
		case value != "":
			c.resources = append(c.resources, fmt.Sprintf(`set(%[1]s, %[2]s) where %[3]s and %[1]s != nil and %[1]s != %[4]s`,
				fmt.Sprintf(attribute, key), quote(otelusage.OtherValue), its, quote(kept(value))))
		}
	}
}

// with returns what a plan says of a key of the resource.
func with(p otelusage.Plan, key string) (value string, said bool) {
	if p.Sending == nil {
		return "", false
	}
	for _, w := range p.Sending.With {
		if w.Key == key {
			return w.Value, true
		}
	}
	return "", false
}

// trackable lets in the metrics of a trackable under a name, and returns theirs.
func (c *overlay) trackable(its, name string, t otelusage.PlannedTrackable) []string {
	const counter, updown = "type != METRIC_DATA_TYPE_SUM or is_monotonic != true", "type != METRIC_DATA_TYPE_SUM or is_monotonic != false"
	switch t.Kind {
	case otelusage.KindTimer.String():
		c.shape(its, name, t.Kind, t.Unit, "type != METRIC_DATA_TYPE_HISTOGRAM")
		c.attributes(its, name, t)
		return []string{name}
	case otelusage.KindState.String():
		changes, occupancy := name+otelusage.ChangesSuffix, name+otelusage.OccupancySuffix
		c.shape(its, name, t.Kind, "", "type != METRIC_DATA_TYPE_GAUGE")
		c.shape(its, changes, t.Kind, "", counter)
		c.shape(its, occupancy, t.Kind, installations, updown)
		for _, metric := range []string{name, changes, occupancy} {
			c.keep(its, metric, "state")
			if !t.AnyState {
				c.values(its, metric, "state", t.States)
			}
		}
		return []string{name, changes, occupancy}
	case otelusage.KindSequence.String():
		checkpoints := name + otelusage.CheckpointsSuffix
		c.shape(its, name, t.Kind, "", counter)
		c.shape(its, checkpoints, t.Kind, "", counter)
		c.keep(its, name)
		c.keep(its, checkpoints, "checkpoint")
		c.numbers = append(c.numbers, fmt.Sprintf("%s and metric.name == %s and not %s", its, quote(checkpoints),
			matches(`attributes["checkpoint"]`, all(t.Checkpoints, kept)...)))
		return []string{name, checkpoints}
	}
	c.shape(its, name, t.Kind, t.Unit, map[bool]string{true: counter, false: updown}[t.Monotonic])
	if !t.Float {
		c.numbers = append(c.numbers, fmt.Sprintf("%s and metric.name == %s and value_double != 0.0", its, quote(name)))
	}
	c.attributes(its, name, t)
	return []string{name}
}

// installations is the unit of what counts installations.
const installations = "{installation}"

// shape leaves out metrics of a name that have another kind, unit or type.
func (c *overlay) shape(its, name, kind, unit, otherType string) {
	c.drop(fmt.Sprintf(`%s and name == %s and (%s or unit != %s or instrumentation_scope.attributes[%s] != %s)`,
		its, quote(name), otherType, quote(unit), quote(string(otelusage.KindKey)), quote(kind)))
}

// attributes bounds those of a Statistic or Timer.
func (c *overlay) attributes(its, name string, t otelusage.PlannedTrackable) {
	if !t.AnyKey {
		keys := []string{string(otelusage.OverflowKey)}
		for _, a := range t.Attributes {
			keys = append(keys, a.Key)
		}
		c.keep(its, name, keys...)
	}
	for _, a := range t.Attributes {
		if !a.AnyValue {
			c.values(its, name, a.Key, a.Values)
		}
	}
}

// keep removes all other keys from the points of a metric.
func (c *overlay) keep(its, name string, keys ...string) {
	c.statement(its, name, fmt.Sprintf("keep_keys(datapoint.attributes, [%s])", strings.Join(all(keys, quote), ", ")))
}

// values replaces all other values of a key.
func (c *overlay) values(its, name, key string, values []string) {
	attribute := fmt.Sprintf("datapoint.attributes[%s]", quote(key))
	c.statement(its, name, fmt.Sprintf("set(%[1]s, %[2]s) where %[1]s != nil and not %[3]s", attribute, quote(otelusage.OtherValue),
		matches(attribute, append(all(values, kept), otelusage.OtherValue)...)))
}

func (c *overlay) statement(its, name, statement string) {
	condition := fmt.Sprintf("%s and metric.name == %s", its, quote(name))
	if last := len(c.points) - 1; last >= 0 && c.points[last].condition == condition {
		c.points[last].statements = append(c.points[last].statements, statement)
		return
	}
	c.points = append(c.points, block{condition, []string{statement}})
}

// yaml returns the configuration.
func (c *overlay) yaml(applications []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# What %s can record and send, made by the command plan --collector. It is given to\n# a Collector beside production.yaml: what is not declared is left out.\n",
		strings.Join(all(applications, strconv.QuoteToASCII), ", "))
	b.WriteString("processors:\n  transform/plan:\n    error_mode: propagate\n    metric_statements:\n      - context: resource\n        statements:\n")
	list(&b, "          ", c.resources)
	for _, p := range c.points {
		b.WriteString("      - context: datapoint\n        conditions:\n")
		list(&b, "          ", []string{p.condition})
		b.WriteString("        statements:\n")
		list(&b, "          ", p.statements)
	}
	b.WriteString("  filter/plan:\n    error_mode: propagate\n    metrics:\n      metric:\n")
	list(&b, "        ", c.metrics)
	if len(c.numbers) > 0 {
		b.WriteString("      datapoint:\n")
		list(&b, "        ", c.numbers)
	}
	b.WriteString("  transform/releases:\n    error_mode: propagate\n    metric_statements:\n      - context: resource\n        statements:\n")
	list(&b, "          ", c.plotted)
	return b.String()
}

// list writes texts as a list in YAML.
func list(b *strings.Builder, indent string, texts []string) {
	for _, text := range texts {
		b.WriteString(indent + "- '" + strings.ReplaceAll(text, "'", "''") + "'\n")
	}
}

// matches is the condition that a value is one of these.
func matches(value string, texts ...string) string {
	return fmt.Sprintf(`IsMatch(%s, "^(%s)$$")`, value, escaping(alternatives(texts)))
}

// alternatives is a regular expression for texts. That of none matches no text.
func alternatives(texts []string) string {
	if len(texts) == 0 {
		return `[^\x00-\x{10FFFF}]`
	}
	return strings.Join(all(slices.Compact(slices.Sorted(slices.Values(texts))), regexp.QuoteMeta), "|")
}

// quote is a text in the Collector's language. The configuration has $$ for a $.
func quote(text string) string { return `"` + escaping(text) + `"` }

func escaping(text string) string {
	quoted := strconv.QuoteToASCII(text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], "$", "$$")
}

// maxText is the bytes of a text that the Collector keeps.
const maxText = 200

// kept is a declared text as the Collector keeps it.
func kept(text string) string {
	if len(text) > maxText {
		end := maxText
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == utf8.RuneError {
			return '?'
		}
		return r
	}, text)
}

// all returns what f makes of each text.
func all(texts []string, f func(string) string) []string {
	made := make([]string, len(texts))
	for i, text := range texts {
		made[i] = f(text)
	}
	return made
}
