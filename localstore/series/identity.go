package series

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// MetricType is how the points of a metric combine.
type MetricType string

// The types of metrics a mirror keeps.
const (
	TypeSum         MetricType = "sum"
	TypeGauge       MetricType = "gauge"
	TypeHistogram   MetricType = "histogram"
	TypeExponential MetricType = "exponential_histogram"
)

// Resource describes the program that counts, limited to the attributes that the
// allow-list permits. Like Scope, Metric and Series it is a handle that remembers
// its row: make it once, use it for every recording, and do not change its fields.
type Resource struct {
	Attributes attribute.Set
	Row        Row
}

// Scope is an instrumentation scope.
type Scope struct {
	Name, Version, SchemaURL string
	Attributes               attribute.Set
}

// kind returns the kind of trackable that the scope's instruments belong to.
func (s *Scope) kind() (otelusage.Kind, bool) {
	if s == nil || s.Name != otelusage.ScopeName {
		return 0, false
	}
	v, ok := s.Attributes.Value(otelusage.KindKey)
	if !ok {
		return 0, false
	}
	return otelusage.ParseKind(v.AsString())
}

// Metric is what the wire knows of an instrument. Description is no part of
// its identity.
type Metric struct {
	Scope                   *Scope
	Name, Unit, Description string
	Type                    MetricType
	Monotonic, Float        bool
	Bounds                  []float64 // of an explicit histogram
	Row                     Row
}

// Trackable returns what the metric says of a trackable: its kind, its name
// and the part it plays for it. ok is false where it belongs to none.
func (m *Metric) Trackable() (kind otelusage.Kind, name, role string, ok bool) {
	if m == nil {
		return 0, "", RoleNone, false
	}
	kind, ok = m.Scope.kind()
	if !ok || strings.HasPrefix(m.Name, otelusage.ReservedPrefix) {
		return 0, "", RoleNone, false
	}
	if base, found := strings.CutSuffix(m.Name, otelusage.ChangesSuffix); found && kind == otelusage.KindState {
		return kind, base, RoleChanges, true
	}
	if base, found := strings.CutSuffix(m.Name, otelusage.CheckpointsSuffix); found && kind == otelusage.KindSequence {
		return kind, base, RoleCheckpoints, true
	}
	return kind, m.Name, RoleValue, true
}

// The parts a metric plays for its trackable.
const (
	RoleNone        = ""
	RoleValue       = "value"
	RoleChanges     = "changes"
	RoleCheckpoints = "checkpoints"
)

// Series is one stream of points: a metric and an attribute set of a resource.
type Series struct {
	Resource   *Resource
	Metric     *Metric
	Attributes attribute.Set
	Row        Row
}

// Row is the row of a handle in the mirror. It is valid for one generation of a
// mirror: opening another file or erasing this one starts the next. Only the mirror
// sets it.
type Row struct {
	ID         int64
	Generation uint64
}

// EncodeBounds writes the boundaries of a histogram as JSON, and none as "".
func EncodeBounds(bounds []float64) (string, error) {
	if bounds == nil {
		return "", nil
	}
	text, err := json.Marshal(bounds)
	return string(text), err
}

// DecodeBounds is the inverse of [EncodeBounds]: [ErrUnreadable] for what that
// never wrote.
func DecodeBounds(text string) (bounds []float64, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &bounds); err != nil {
		return nil, fmt.Errorf("read boundaries: %w: %w", ErrUnreadable, err)
	}
	return bounds, nil
}
