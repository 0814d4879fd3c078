package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// written is what the mirror of this test has of one writer: a file that is
// replaced as a whole, as a transaction replaces rows.
type written struct {
	Seq    int64
	Counts map[string]int64
	States map[string]string
}

func rowPath(path, writer string) string { return path + ".row-" + writer }

func readRow(path, writer string) (w written, known bool, err error) {
	b, err := os.ReadFile(rowPath(path, writer))
	if err == nil {
		err = json.Unmarshal(b, &w)
		return w, err == nil, err
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return written{Counts: make(map[string]int64), States: make(map[string]string)}, false, err
}

func (w *written) commit(path, writer string) error {
	b, err := json.Marshal(w)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s.new-%d", rowPath(path, writer), os.Getpid())
	if err := os.WriteFile(name, b, journalfile.OwnFile); err != nil {
		return err
	}
	return os.Rename(name, rowPath(path, writer))
}

// countOf is how often a difference or a change says that something happened.
func (w *written) add(name string, d journalfile.Value, k journalfile.Kind) {
	switch k {
	case journalfile.KindInt64:
		w.Counts[name] += d.Int
	case journalfile.KindFloat64:
		w.Counts[name] += int64(d.Float*10 + 0.5) // each counts 0.1
	case journalfile.KindHistogram:
		w.Counts[name] += int64(d.Count)
	case journalfile.KindState:
		w.Counts[name] += d.Moves
		w.States[name] = d.State
	}
}

// recoverDead recovers every journal of a dead process.
func recoverDead(path string) error {
	for i := range journalpool.Size {
		c, err := Claim(journalpool.Path(path, i))
		switch {
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, journalfile.ErrEmpty) || errors.Is(err, journalfile.ErrLiving) || errors.Is(err, journalfile.ErrLost):
			continue
		case err != nil:
			return err
		}
		err = recoverRow(c, path)
		c.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func recoverRow(c *Claimed, path string) error {
	row, known, err := readRow(path, c.Writer)
	if err != nil {
		return err
	}
	held, _, _, ok := c.Holding(row.Seq, known)
	if !ok {
		return fmt.Errorf("%s: nothing holds for %d, %v", c.Path(), row.Seq, known)
	}
	list := c.Differences(held)
	if len(c.Damage) > 0 {
		return fmt.Errorf("%s: damage: %v", c.Path(), c.Damage)
	}
	if row.Seq, err = c.Begin(held); err != nil {
		return err
	}
	for _, d := range list {
		v := journalfile.ValueOf(d.Delta)
		state := d.Moves > 0
		if state {
			v = journalfile.Value{State: d.State, Moves: d.Moves}
		}
		sh, _ := journalfile.ShapeOf(d.Series.Metric, state)
		row.add(d.Series.Metric.Name, v, sh.Kind)
	}
	if err := row.commit(path, c.Writer); err != nil {
		return err
	}
	return c.Empty()
}
