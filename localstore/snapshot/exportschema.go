package snapshot

import (
	"encoding/json"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/saturate"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

type jsonMirror struct {
	ID           string `json:"id"`
	Created      moment `json:"created"`
	Installation string `json:"installation_id"`
}

type jsonConsent struct {
	Mode      string `json:"mode"`
	Sending   bool   `json:"sending"`
	ShouldAsk bool   `json:"should_ask"`
	Reason    string `json:"reason"`
	Since     moment `json:"since"`
}

// jsonTrackable is what all kinds have in common.
type jsonTrackable struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Unit        string `json:"unit"`
	Declared    moment `json:"declared"`
	Changed     moment `json:"changed"`
	Unrecorded  any    `json:"unrecorded"`
}

type jsonStatistic struct {
	jsonTrackable
	Float      bool         `json:"float"`
	Monotonic  bool         `json:"monotonic"`
	Value      any          `json:"value"`
	Recordings int64        `json:"exports"`
	Average    float64      `json:"average"`
	Series     []jsonSeries `json:"series"`
}

type jsonState struct {
	jsonTrackable
	State   any          `json:"state"`
	Default bool         `json:"default,omitempty"`
	Changes int64        `json:"changes"`
	History []jsonMove   `json:"history"`
	Series  []jsonSeries `json:"series"`
}

type jsonMove struct {
	At    moment `json:"at"`
	State any    `json:"state"`
}

type jsonTimer struct {
	jsonTrackable
	Runs    int64        `json:"runs"`
	Total   float64      `json:"total_seconds"`
	Average float64      `json:"average_seconds"`
	Series  []jsonSeries `json:"series"`
}

type jsonSequence struct {
	jsonTrackable
	Checkpoints []string         `json:"checkpoints"`
	Completions int64            `json:"completions"`
	Funnel      []jsonCheckpoint `json:"funnel"`
	Series      []jsonSeries     `json:"series"`
}

type jsonCheckpoint struct {
	Checkpoint string `json:"checkpoint"`
	Hits       int64  `json:"hits"`
}

type jsonSeries struct {
	Scope      string            `json:"scope"`
	Metric     string            `json:"metric"`
	Type       series.MetricType `json:"type"`
	Unit       string            `json:"unit"`
	Attributes any               `json:"attributes"`
	Resource   any               `json:"resource"`
	*jsonCounts
	Value      any         `json:"value,omitempty"`
	Recordings int64       `json:"exports"`
	Updated    moment      `json:"updated"`
	Days       []jsonDay   `json:"days"`
	History    []jsonPoint `json:"history"`
}

// jsonCounts is where the counts of a series are; a gauge has none.
type jsonCounts struct {
	Recorded any `json:"recorded"`
	Pending  any `json:"pending"`
	InFlight any `json:"in_flight"`
	Withheld any `json:"withheld"`
	Accepted any `json:"accepted"`
	Partial  any `json:"partial"`
	SetAside any `json:"set_aside"`
	Beyond   any `json:"unrecorded"`
}

type jsonDay struct {
	Date  string `json:"date"`
	Value any    `json:"value"`
	Count *int64 `json:"count,omitempty"`
}

type jsonPoint struct {
	At    moment `json:"at"`
	Value any    `json:"value"`
	Count *int64 `json:"count,omitempty"`
}

type jsonHistogram struct {
	Count      uint64    `json:"count"`
	Sum        float64   `json:"sum"`
	Boundaries []float64 `json:"boundaries"`
	Buckets    []uint64  `json:"buckets"`
}

type jsonSubmission struct {
	ID        int64            `json:"id"`
	Forwarder outbox.Forwarder `json:"forwarder"`
	Batch     *int64           `json:"batch"`
	Part      *int64           `json:"part"`
	First     moment           `json:"first"`
	Last      moment           `json:"last"`
	Times     int64            `json:"times"`
	Outcome   outbox.Verdict   `json:"outcome"`
	Status    int64            `json:"status"`
	Points    int64            `json:"points"`
	Rejected  int64            `json:"rejected"`
	Reason    string           `json:"reason"`
}

// moment is a time, the zero one for never.
type moment time.Time

// MarshalJSON writes ISO 8601 in UTC.
func (m moment) MarshalJSON() ([]byte, error) {
	if time.Time(m).IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(time.Time(m).UTC())
}

func jsonConsentOf(c consent.Consent) jsonConsent {
	return jsonConsent{c.Mode.String(), c.Sending, c.ShouldAsk, c.Reason, moment(c.Since)}
}

func jsonTrackableOf(t *Trackable) jsonTrackable {
	waiting := jsonValue(t.Unrecorded.Value)
	if t.Kind == otelusage.KindTimer {
		waiting = map[string]any{"runs": t.Unrecorded.Count, "total_seconds": saturate.Float(t.Unrecorded.Value.Float64())}
	}
	return jsonTrackable{t.Name, t.Description, t.Unit, moment(t.DeclaredAt), moment(t.ChangedAt), waiting}
}

func jsonStatisticOf(t *Trackable) jsonStatistic {
	return jsonStatistic{jsonTrackableOf(t), t.Float, t.Monotonic, jsonValue(t.Total), t.Recordings, saturate.Float(t.Average()), seriesList(t.Series)}
}

func jsonStateOf(t *Trackable) jsonState {
	history := make([]jsonMove, len(t.Moves))
	for i, m := range t.Moves {
		history[i] = jsonMove{moment(m.At), jsonText(m.State)}
	}
	return jsonState{jsonTrackableOf(t), jsonText(t.State), t.Default, t.Changes, history, seriesList(t.Series)}
}

func jsonTimerOf(t *Trackable) jsonTimer {
	return jsonTimer{jsonTrackableOf(t), t.Runs, t.Seconds, t.AverageSeconds(), seriesList(t.Series)}
}

func jsonSequenceOf(t *Trackable) jsonSequence {
	funnel := []jsonCheckpoint{}
	for _, c := range t.Funnel() {
		funnel = append(funnel, jsonCheckpoint{c, t.Hits[c]})
	}
	return jsonSequence{jsonTrackableOf(t), append([]string{}, t.Checkpoints...), t.Total.Int64(), funnel, seriesList(t.Series)}
}

func seriesList(list []*SeriesCounts) []jsonSeries {
	out := make([]jsonSeries, len(list))
	for i, x := range list {
		out[i] = jsonSeriesOf(x)
	}
	return out
}

func jsonSeriesOf(x *SeriesCounts) jsonSeries {
	out := jsonSeries{
		Scope: x.Metric.Scope.Name, Metric: x.Metric.Name, Type: x.Metric.Type, Unit: x.Metric.Unit,
		Attributes: jsonObject(x.Attributes), Resource: jsonObject(x.Resource),
		Recordings: x.Recordings, Updated: moment(x.UpdatedAt),
		Days: make([]jsonDay, len(x.Days)), History: make([]jsonPoint, len(x.History)),
	}
	if x.Metric.Type == series.TypeGauge {
		out.Value = jsonValue(x.Gauge)
	} else {
		out.jsonCounts = &jsonCounts{jsonValue(x.Recorded), jsonValue(x.Pending), jsonValue(x.InFlight), jsonValue(x.Withheld),
			jsonValue(x.Accepted), jsonValue(x.Partial), jsonValue(x.SetAside), jsonValue(x.Unrecorded)}
	}
	for i, d := range x.Days {
		out.Days[i] = jsonDay{d.At.Format(time.DateOnly), jsonValue(d.Value), x.jsonCount(d)}
	}
	for i, h := range x.History {
		out.History[i] = jsonPoint{moment(h.At), jsonValue(h.Value), x.jsonCount(h)}
	}
	return out
}

func (x *SeriesCounts) jsonCount(s Sample) *int64 {
	if x.Metric.Type != series.TypeHistogram && x.Metric.Type != series.TypeExponential {
		return nil
	}
	return &s.Count
}

func jsonSubmissionOf(e LogEntry) jsonSubmission {
	return jsonSubmission{e.ID, e.Forwarder, jsonID(e.Batch), jsonID(e.Part), moment(e.First), moment(e.Last),
		e.Times, e.Outcome, e.Status, e.Points, e.Rejected, e.Reason}
}

// jsonValue shows a value with its boundaries beside its buckets.
func jsonValue(v series.Value) any {
	switch v.Kind() {
	case series.KindInt64:
		return v.Int64()
	case series.KindHistogram:
		return jsonHistogram{v.Histogram().Count, v.Histogram().Sum, append([]float64{}, v.Histogram().Bounds...), v.Histogram().Buckets}
	case series.KindExponential:
		return v.Exponential()
	}
	return saturate.Float(v.Float64())
}

func jsonID(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}

// jsonText is a state, null for none.
func jsonText(state string) any {
	if state == otelusage.NoState {
		return nil
	}
	return state
}

// jsonObject passes the file's own JSON on. Text that somebody spoilt by hand
// is shown as text.
func jsonObject(text string) any {
	if !json.Valid([]byte(text)) {
		return text
	}
	return json.RawMessage(text)
}

// MarshalJSON writes the entry as [Reader.WriteJSON] does.
func (e LogEntry) MarshalJSON() ([]byte, error) { return json.Marshal(jsonSubmissionOf(e)) }
