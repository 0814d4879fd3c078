package localstore

import (
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// TestWhoRecoversDoesNotMatter: whether what a dead process counted may be sent is
// between that process and the mirror. Under what the one that recovers runs has no
// part in it, and none in when the installation was active.
func TestWhoRecoversDoesNotMatter(t *testing.T) {
	environment := func(key string) func(string) string {
		return func(k string) string {
			if k == key {
				return "true"
			}
			return ""
		}
	}
	for _, recoverer := range []struct {
		name string
		of   consent.Circumstances
		may  bool
	}{
		{"may send", consent.Circumstances{Destination: true, Getenv: environment("")}, true},
		{"is not to be tracked", consent.Circumstances{Destination: true, Getenv: environment("DO_NOT_TRACK")}, false},
		{"has no destination", consent.Circumstances{Getenv: environment("")}, false},
		{"is switched off", consent.Circumstances{Destination: true, Disabled: true, Getenv: environment("")}, false},
	} {
		for _, sends := range []bool{true, false} {
			t.Run(recoverer.name, func(t *testing.T) {
				s, c := fresh(t)
				died := time.Now() // which a journal has
				c.set(died)
				p := counting(t, open(t, s.Path(), c), sends)
				p.count(t)
				p.enter(t, "a")
				p.die(t, p.remains(t))
				c.add(70 * day)

				other := open(t, s.Path(), c) // recovers
				other.SetCircumstances(recoverer.of)
				w, err := other.Writer(recoverer.may)
				if err != nil {
					t.Fatal(err)
				}
				recoverNow(other)
				want, shared := p.counted(), counts{}
				if sends {
					shared = want
				}
				if recorded, pending := recordedIn(t, s); !recorded.equal(want) || !pending.equal(shared) {
					t.Errorf("recorded %v, pending %v, want %v and %v", recorded, pending, want, shared)
				}
				active := "0"
				if sends {
					active = "1"
				}
				expect(t, s, active, `SELECT count(*) FROM active WHERE period = 'day'`)
				expect(t, s, active, `SELECT count(*) FROM active WHERE period = 'day' AND date = ?1`, died.UTC().Format(time.DateOnly))
				if err := w.Notice(t.Context(), recoverer.may); err != nil {
					t.Fatal(err)
				}
				w.Close()
			})
		}
	}
}

// TestAnotherVersionRecovers under the names, kinds and resource of the one that
// died, also where its own differ.
func TestAnotherVersionRecovers(t *testing.T) {
	s, c := fresh(t)
	p := counting(t, open(t, s.Path(), c), true)
	p.count(t)
	p.die(t, p.remains(t))
	other := open(t, s.Path(), c)
	if _, err := other.Declare(otelusage.Declaration{Name: "other", Kind: otelusage.KindTimer}); err != nil {
		t.Fatal(err)
	}
	record(t, newWriter(t, other), add(statistic(version("2"), "n"), 5))
	recoverNow(other)
	expect(t, s, "1", `SELECT t.recorded FROM totals t JOIN series s ON s.id = t.series_id JOIN resources r ON r.id = s.resource_id
		JOIN metrics m ON m.id = s.metric_id WHERE m.name = 'n' AND r.attributes ->> '$."service.version"' = '1'`)
	want := p.counted()
	want["n{}"] += 5
	if recorded, pending := recordedIn(t, s); !recorded.equal(want) || !pending.equal(want) {
		t.Errorf("recorded %v, pending %v, want %v", recorded, pending, want)
	}
}
