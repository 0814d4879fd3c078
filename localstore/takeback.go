package localstore

import (
	"context"
	"encoding/json"
	"strconv"
)

// TakeBack returns what takes back the states that the request just answered put
// this installation in, where [Store.Erase] came between: nobody else knows that
// it arrived. It is sent once and not kept. It is nil where there is nothing to
// take back or nothing may be sent.
//
// A state that the request left is not touched: the one who erased took it back.
func (sub *Submission) TakeBack(_ context.Context, o Outcome) (*Part, error) {
	if sub.missing() {
		return nil, ErrNotOpen
	}
	if o.Verdict != Accepted && o.Verdict != Partial || sub.sent == "" {
		return nil, nil
	}
	s := sub.store
	s.lock()
	defer s.unlock()
	due := false
	err := s.look(func(h header) error {
		// Once the lease ran out somebody else may have sent the same, and taken
		// it back.
		due = s.now().UnixNano() < sub.until && h.erasures != sub.erased && sub.request.MaySend && h.maySend()
		return nil
	})
	if err != nil || !due {
		return nil, wrap("read what to take back", err)
	}
	p, err := decodePayload(sub.sent)
	sub.sent = ""
	if err == nil {
		p, err = p.takenBack(s.now().UnixNano())
	}
	if err != nil || p == nil {
		return nil, wrap("read what to take back", err)
	}
	part, err := p.part(0, 0)
	return part, wrap("read what to take back", err)
}

// takenBack returns the opposite of the states that the payload enters, under
// the ids and after the interval of the payload.
func (p *payload) takenBack(now int64) (*payload, error) {
	back := &payload{Resource: p.Resource, Start: p.End, End: max(now, p.End+1)}
	for _, point := range p.Points {
		if point.Occupancy == 0 {
			continue
		}
		n, err := strconv.ParseInt(string(point.Value), 10, 64)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			point.Value = json.RawMessage(strconv.FormatInt(-n, 10))
			back.Points = append(back.Points, point)
		}
	}
	if len(back.Points) == 0 {
		return nil, nil
	}
	return back, nil
}
