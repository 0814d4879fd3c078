package ledger

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/saturate"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Kept is what the file knows of trackables, in a form that can be stored.
type Kept struct {
	Trackables []*KeptTrackable
	Former     []FormerName
	Imports    []KeptImport
}

// KeptTrackable is a trackable with its lifetime.
type KeptTrackable struct {
	Name, Kind        string
	Description, Unit string
	Float, Monotonic  bool
	Checkpoints       []string

	State    string
	HasState bool
	Changes  int64
	Series   []*KeptSeries
}

// KeptSeries is the lifetime of one attribute set.
type KeptSeries struct {
	Attributes string
	Int, Count int64
	Float      float64
}

// FormerName says what a trackable that had a name is called now.
type FormerName struct{ Was, Is, Kind string }

// KeptImport is what was imported under a name and not counted since.
type KeptImport struct {
	Name   string
	Series KeptSeries
}

// Keep returns what a state of the file knows of trackables.
func Keep(tx *mirrordb.Tx) (*Kept, error) {
	var r recorded
	if err := r.read(tx.Conn); err != nil {
		return nil, err
	}
	k := &Kept{}
	for key, d := range r.known {
		t := &KeptTrackable{
			Name: d.Name, Kind: d.Kind.String(), Description: d.Description, Unit: d.Unit, Float: d.Float,
			Monotonic: d.Monotonic, Checkpoints: d.Checkpoints,
		}
		if life := r.lifetimes[key]; life != nil {
			t.State, t.HasState, t.Changes = life.State, life.HasState, life.Changes
			for _, s := range life.Series {
				kept := keptSeries(s)
				t.Series = append(t.Series, &kept)
			}
		}
		k.Trackables = append(k.Trackables, t)
	}
	for was, is := range r.former {
		k.Former = append(k.Former, FormerName{was.Name, is.Name, is.kind.String()})
	}
	for name, s := range r.imports {
		k.Imports = append(k.Imports, KeptImport{name, keptSeries(s)})
	}
	return k, nil
}

func keptSeries(s otelusage.SeriesLifetime) KeptSeries {
	return KeptSeries{series.EncodeAttributes(s.Attributes), s.Int, s.Count, s.Float}
}

func (s *KeptSeries) lifetime() (life otelusage.SeriesLifetime, err error) {
	life = otelusage.SeriesLifetime{Int: s.Int, Count: s.Count, Float: s.Float}
	life.Attributes, err = series.DecodeAttributes(s.Attributes)
	return life, err
}

// Find returns the trackable of a name and kind, nil where none has that name now.
func (k *Kept) Find(name string, kind otelusage.Kind) *KeptTrackable {
	name = strings.ToLower(name)
	for _, t := range k.Trackables {
		if t.Kind == kind.String() && strings.ToLower(t.Name) == name {
			return t
		}
	}
	return nil
}

// Add adds to the lifetime of an attribute set, as it is encoded, what the same series
// counted.
func (t *KeptTrackable) Add(attributes string, v series.Value) {
	i := slices.IndexFunc(t.Series, func(s *KeptSeries) bool { return s.Attributes == attributes })
	if i < 0 {
		i = len(t.Series)
		t.Series = append(t.Series, &KeptSeries{Attributes: attributes})
	}
	s := t.Series[i]
	sum := otelusage.SeriesLifetime{Int: s.Int, Count: s.Count, Float: s.Float}
	addLifetime(&sum, v)
	if v.Kind() == series.KindFloat64 { // of the whole, not of each part
		sum.Int = saturate.Int(sum.Float)
	}
	s.Int, s.Count, s.Float = sum.Int, sum.Count, sum.Float
}

// AddChanges adds to how often a State was entered.
func (t *KeptTrackable) AddChanges(n int64) { t.Changes = saturate.Add(t.Changes, n) }

// Adopt makes declarations find what is kept, until [Ledger.Wake].
func (l *Ledger) Adopt(k *Kept) error {
	r, err := k.recorded()
	if err != nil {
		return fmt.Errorf("adopt what is kept: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recorded, l.loaded, l.loadedAt, l.commits = r, true, time.Now(), l.written.Load()
	l.adopted.Store(true)
	return nil
}

// Wake makes declarations read the file again.
func (l *Ledger) Wake() {
	l.stale.Store(true)
	l.adopted.Store(false)
}

func (k *Kept) recorded() (recorded, error) {
	r := recorded{
		known: make(map[Key]otelusage.Declaration), lifetimes: make(map[Key]*otelusage.Lifetime),
		former: make(map[Key]Key), imports: make(map[string]otelusage.SeriesLifetime),
	}
	for _, t := range k.Trackables {
		d := otelusage.Declaration{
			Name: t.Name, Description: t.Description, Unit: t.Unit, Float: t.Float, Monotonic: t.Monotonic, Checkpoints: t.Checkpoints,
		}
		d.Kind, _ = otelusage.ParseKind(t.Kind)
		life := &otelusage.Lifetime{State: t.State, HasState: t.HasState, Changes: t.Changes}
		for _, s := range t.Series {
			one, err := s.lifetime()
			if err != nil {
				return r, err
			}
			life.Series = append(life.Series, one)
		}
		r.known[KeyOf(d)], r.lifetimes[KeyOf(d)] = d, life
	}
	for _, f := range k.Former {
		kind, _ := otelusage.ParseKind(f.Kind)
		r.former[Key{f.Was, kind}] = Key{f.Is, kind}
	}
	for _, m := range k.Imports {
		one, err := m.Series.lifetime()
		if err != nil {
			return r, err
		}
		r.imports[m.Name] = one
	}
	return r, nil
}
