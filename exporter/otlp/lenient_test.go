package otlp

import (
	"testing"

	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// A receiver of somebody else's may say OK in its own words. A network's login
// page never counts.
func TestLenientAnswersTakeEverySuccessThatIsNoPage(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		const page = "<!DOCTYPE html><html><body>Log in first</body></html>"
		for _, tt := range []struct {
			name, media, body string
			status            int
			lenient           bool // whether it counts with the option
			advice            bool // whether there is one without it
		}{
			{"text", "text/plain", "OK", 200, true, true},
			{"text, 202", "text/plain; charset=utf-8", "Accepted", 202, true, true},
			{"JSON", "application/json", `{"status":"success"}`, 200, true, true},
			{"no type", "", "thanks", 200, true, true},
			{"HTML", "text/html", page, 200, false, false},
			{"XHTML", "application/xhtml+xml", page, 200, false, false},
			{"HTML said to be text", "text/plain", "\n" + page, 200, false, false},
			{"HTML without a type", "", page, 200, false, false},
			{"XHTML said to be XML", "application/xml", `<?xml version="1.0"?>` + "\n" + page, 200, false, false},
			{"XML", "application/xml", `<?xml version="1.0"?><ok/>`, 200, true, true},
			{"failure", "text/plain", "OK", 503, false, false},
		} {
			t.Run(tt.name, func(t *testing.T) {
				for _, lenient := range []bool{false, true} {
					r := startReceiver(t, reply(tt.status, tt.media, tt.body), nil)
					opts := []Option{WithEndpointURL(r.URL)}
					if lenient {
						opts = append(opts, WithLenientAnswers())
					}
					err := newExporter(t, opts...).Export(t.Context(), delta(1))
					if lenient && tt.lenient {
						if err != nil {
							t.Errorf("with the option: %v", err)
						}
						continue
					}
					o := outcomeOf(t, err)
					if want := tt.status; o.Status != want || o.Class == outcome.Partial {
						t.Errorf("lenient %v: %+v", lenient, o)
					}
					if (o.Advice != "") != (tt.advice && !lenient) {
						t.Errorf("lenient %v: advice %q", lenient, o.Advice)
					}
				}
			})
		}
	})
}

func TestLenientAnswersStillTellRejectedPoints(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		r := startReceiver(t, reply(200, "application/json", `{"partialSuccess":{"rejectedDataPoints":"1"}}`), nil)
		err := newExporter(t, WithEndpointURL(r.URL), WithLenientAnswers()).Export(t.Context(), delta(1, 2))
		if o := outcomeOf(t, err); o.Class != outcome.Partial || o.Rejected != 1 {
			t.Errorf("%+v", o)
		}
	})
}
