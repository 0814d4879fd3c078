package sequence

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

var (
	// ErrInvalidCheckpoint is returned, wrapped with its name, for a
	// checkpoint that is not in the pattern.
	ErrInvalidCheckpoint = errors.New("invalid checkpoint")

	// ErrNoCheckpoints is returned by [New] for an empty pattern.
	ErrNoCheckpoints = errors.New("no checkpoints")
)

// Sequence counts how often checkpoints are hit in exactly the order of its
// pattern. It is made by [New] and is safe for concurrent use: concurrent hits
// are taken one after the other, in some order. A nil Sequence and the zero
// value have no checkpoints: no hit counts.
type Sequence struct {
	pattern []int          // per position the id of its checkpoint
	names   []string       // by id
	ids     map[string]int // by name; the id is the order of first appearance

	mu          sync.Mutex
	window      []int // ring of the ids hit last; never grows
	start, held int
	completions int64
}

// New returns a Sequence that has no hits yet. The checkpoints are copied. It
// returns [ErrNoCheckpoints] when there are none.
func New(checkpoints ...string) (*Sequence, error) {
	if len(checkpoints) == 0 {
		return nil, ErrNoCheckpoints
	}
	s := &Sequence{
		pattern: make([]int, len(checkpoints)),
		ids:     make(map[string]int, len(checkpoints)),
		window:  make([]int, len(checkpoints)),
	}
	for i, name := range checkpoints {
		id, ok := s.ids[name]
		if !ok {
			id = len(s.names)
			s.ids[name] = id
			s.names = append(s.names, name)
		}
		s.pattern[i] = id
	}
	return s, nil
}

// Hit records a hit of a checkpoint and reports whether it completed the
// sequence. A checkpoint that is not in the pattern changes nothing and
// returns [ErrInvalidCheckpoint]. It does not allocate.
func (s *Sequence) Hit(checkpoint string) (completed bool, err error) {
	id, err := s.id(checkpoint)
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hit(id), nil
}

// AdvanceTo hits every checkpoint from the first of the pattern up to and
// including the first one of that name, whatever was hit before, and reports
// whether one of these hits completed the sequence. A checkpoint that is not
// in the pattern changes nothing and returns [ErrInvalidCheckpoint].
func (s *Sequence) AdvanceTo(checkpoint string) (completed bool, err error) {
	target, err := s.id(checkpoint)
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.pattern {
		completed = s.hit(id) || completed
		if id == target {
			break
		}
	}
	return completed, nil
}

// RemoveLast takes the newest hit back and returns its checkpoint; ok is false
// when no hit is held. A hit that completed the sequence is not held any more.
func (s *Sequence) RemoveLast() (checkpoint string, ok bool) {
	if s == nil {
		return "", false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == 0 {
		return "", false
	}
	checkpoint = s.names[s.at(s.held-1)]
	s.held--
	return checkpoint, true
}

// Clear takes all hits back. Completions are kept.
func (s *Sequence) Clear() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start, s.held = 0, 0
}

// Checkpoint returns the last hit that is still held; ok is false when there
// is none.
func (s *Sequence) Checkpoint() (checkpoint string, ok bool) {
	if s == nil {
		return "", false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == 0 {
		return "", false
	}
	return s.names[s.at(s.held-1)], true
}

// Reached returns the hits that are held, oldest first, never more than the
// pattern is long. They need not be a beginning of the pattern.
func (s *Sequence) Reached() []string {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	reached := make([]string, s.held)
	for i := range reached {
		reached[i] = s.names[s.at(i)]
	}
	return reached
}

// Checkpoints returns a copy of the pattern.
func (s *Sequence) Checkpoints() []string {
	if s == nil {
		return nil
	}
	checkpoints := make([]string, len(s.pattern))
	for i, id := range s.pattern {
		checkpoints[i] = s.names[id]
	}
	return checkpoints
}

// UpTo returns the pattern from its first checkpoint up to and including the
// first one of that name: what [Sequence.AdvanceTo] hits. A checkpoint that is
// not in the pattern returns [ErrInvalidCheckpoint].
func (s *Sequence) UpTo(checkpoint string) ([]string, error) {
	id, err := s.id(checkpoint)
	if err != nil {
		return nil, err
	}
	return s.Checkpoints()[:slices.Index(s.pattern, id)+1], nil
}

// Completions returns how often the sequence was completed.
func (s *Sequence) Completions() int64 {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.completions
}

func (s *Sequence) id(checkpoint string) (int, error) {
	var id int
	var ok bool
	if s != nil {
		id, ok = s.ids[checkpoint]
	}
	if !ok {
		return 0, fmt.Errorf("%w: %q", ErrInvalidCheckpoint, checkpoint)
	}
	return id, nil
}

// at returns the id of the i-th hit held, oldest first.
func (s *Sequence) at(i int) int { return s.window[(s.start+i)%len(s.window)] }

// hit adds to the window, whose oldest hit makes room when it is full.
func (s *Sequence) hit(id int) (completed bool) {
	n := len(s.window)
	if s.held == n {
		s.start = (s.start + 1) % n
		s.held--
	}
	s.window[(s.start+s.held)%n] = id
	s.held++
	if s.held < n || id != s.pattern[n-1] {
		return false
	}
	for i, want := range s.pattern {
		if s.at(i) != want {
			return false
		}
	}
	s.start, s.held = 0, 0
	s.completions++
	return true
}
