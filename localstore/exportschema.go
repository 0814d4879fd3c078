package localstore

import (
	"database/sql"
	"encoding/json"
	"time"
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
}

type jsonStatistic struct {
	jsonTrackable
	Float     bool         `json:"float"`
	Monotonic bool         `json:"monotonic"`
	Value     any          `json:"value"`
	Exports   int64        `json:"exports"`
	Average   float64      `json:"average"`
	Series    []jsonSeries `json:"series"`
}

type jsonState struct {
	jsonTrackable
	State   any          `json:"state"`
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
	Scope      string     `json:"scope"`
	Metric     string     `json:"metric"`
	Type       MetricType `json:"type"`
	Unit       string     `json:"unit"`
	Attributes any        `json:"attributes"`
	Resource   any        `json:"resource"`
	*jsonCounts
	Value   any         `json:"value,omitempty"`
	Exports int64       `json:"exports"`
	Updated moment      `json:"updated"`
	Days    []jsonDay   `json:"days"`
	History []jsonPoint `json:"history"`
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
	ID        int64  `json:"id"`
	Forwarder string `json:"forwarder"`
	Batch     *int64 `json:"batch"`
	Part      *int64 `json:"part"`
	First     moment `json:"first"`
	Last      moment `json:"last"`
	Times     int64  `json:"times"`
	Outcome   string `json:"outcome"`
	Status    int64  `json:"status"`
	Points    int64  `json:"points"`
	Rejected  int64  `json:"rejected"`
	Reason    string `json:"reason"`
}

// moment is a time of the file, 0 for never.
type moment int64

// MarshalJSON writes ISO 8601 in UTC.
func (m moment) MarshalJSON() ([]byte, error) {
	if m == 0 {
		return []byte("null"), nil
	}
	return json.Marshal(time.Unix(0, int64(m)).UTC())
}

func jsonTrackableOf(t *tracked) jsonTrackable {
	return jsonTrackable{t.Name, t.Description, t.Unit, moment(t.declaredAt), moment(t.changedAt)}
}

func jsonStatisticOf(t *tracked) jsonStatistic {
	return jsonStatistic{jsonTrackableOf(t), t.Float, t.Monotonic, jsonValue(t.total), t.exports, clampFloat(t.average()), seriesList(t.series)}
}

func jsonStateOf(t *tracked) jsonState {
	history := make([]jsonMove, len(t.states))
	for i, x := range t.states {
		history[i] = jsonMove{moment(x.at), x.value}
	}
	var state any
	if t.state.Valid {
		state = t.state.String
	}
	return jsonState{jsonTrackableOf(t), state, t.changes, history, seriesList(t.series)}
}

func jsonTimerOf(t *tracked) jsonTimer {
	return jsonTimer{jsonTrackableOf(t), t.runs, t.seconds, t.averageSeconds(), seriesList(t.series)}
}

// jsonSequenceOf shows the funnel in the order of the checkpoints, each once.
func jsonSequenceOf(t *tracked) jsonSequence {
	funnel, seen := []jsonCheckpoint{}, make(map[string]bool)
	for _, c := range t.Checkpoints {
		if !seen[c] {
			seen[c] = true
			funnel = append(funnel, jsonCheckpoint{c, t.hits[c]})
		}
	}
	return jsonSequence{jsonTrackableOf(t), append([]string{}, t.Checkpoints...), t.total.Int64(), funnel, seriesList(t.series)}
}

func seriesList(list []*countedSeries) []jsonSeries {
	out := make([]jsonSeries, len(list))
	for i, x := range list {
		out[i] = jsonSeriesOf(x)
	}
	return out
}

func jsonSeriesOf(x *countedSeries) jsonSeries {
	out := jsonSeries{
		Scope: x.scope, Metric: x.metric.Name, Type: x.metric.Type, Unit: x.metric.Unit,
		Attributes: jsonObject(x.attributes), Resource: jsonObject(x.resource),
		Exports: x.exports, Updated: moment(x.updatedAt),
		Days: make([]jsonDay, len(x.days)), History: make([]jsonPoint, len(x.history)),
	}
	if x.metric.Type == TypeGauge {
		out.Value = jsonNumber(x.gauge)
	} else {
		b := &x.balance
		out.jsonCounts = &jsonCounts{jsonValue(b[0]), jsonValue(b[1]), jsonValue(x.inFlight), jsonValue(b[2]),
			jsonValue(b[3]), jsonValue(b[4]), jsonValue(b[5])}
	}
	for i, d := range x.days {
		out.Days[i] = jsonDay{dateOf(d.at), jsonNumber(d.value), jsonCount(d.count)}
	}
	for i, h := range x.history {
		out.History[i] = jsonPoint{moment(h.at), jsonNumber(h.value), jsonCount(h.count)}
	}
	return out
}

func jsonSubmissionOf(l logged) jsonSubmission {
	return jsonSubmission{l.id, l.forwarder, jsonCount(l.batch), jsonCount(l.part), moment(l.firstAt), moment(l.lastAt),
		l.times, l.outcome, l.status, l.points, l.rejected, l.reason}
}

// jsonValue shows a value with its boundaries beside its buckets.
func jsonValue(v Value) any {
	switch v.kind {
	case wholeValue:
		return v.whole
	case histogramValue:
		return jsonHistogram{v.hist.Count, v.hist.Sum, append([]float64{}, v.hist.Bounds...), v.hist.Buckets}
	case exponentialValue:
		return v.exp
	}
	return clampFloat(v.real)
}

// jsonNumber keeps what JSON has no number for from spoiling the document.
func jsonNumber(column any) any {
	switch c := column.(type) {
	case nil:
		return 0
	case float64:
		return clampFloat(c)
	}
	return column
}

func jsonCount(n sql.NullInt64) *int64 {
	if !n.Valid {
		return nil
	}
	return &n.Int64
}

// jsonObject passes the file's own JSON on. Text that somebody spoilt by hand
// is shown as text.
func jsonObject(text string) any {
	if !json.Valid([]byte(text)) {
		return text
	}
	return json.RawMessage(text)
}
