package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/duck"
)

const (
	begins     = `{"resourceMetrics":[` // of a request, and of nothing within one
	erased     = "otelusage.erased"     // the metric that asks for deletion
	maxRequest = 64 << 20               // as duckdb.sql has it
)

// doomed says what is to be deleted.
type doomed struct {
	installations map[string]bool // everything
	streams       map[string]bool // everything but the requests for deletion
	before        string          // a day; what was received earlier
}

// none reports whether nothing is to be deleted.
func (d doomed) none() bool {
	return len(d.installations) == 0 && len(d.streams) == 0 && d.before == ""
}

// condition is true in SQL for the points to be deleted. Days are directories, so it
// does not have them.
func (d doomed) condition() string {
	return "(installation IN (SELECT unnest(" + duck.List(keys(d.installations)) + ")) OR (mirror IN (SELECT unnest(" +
		duck.List(keys(d.streams)) + ")) AND metric <> " + duck.Quote(erased) + "))"
}

func keys(set map[string]bool) []string {
	list := make([]string, 0, len(set))
	for one := range set {
		list = append(list, one)
	}
	return list
}

// filter copies JSON without what is to be deleted, and returns how many requests or
// parts of them it left out.
func (d doomed) filter(out io.Writer, in io.Reader) (deleted int, err error) {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 0, 1<<20), maxRequest)
	scanner.Split(requests)
	for scanner.Scan() {
		kept, n := d.request(scanner.Bytes())
		deleted += n
		if _, err := out.Write(kept); err != nil {
			return deleted, err
		}
	}
	return deleted, scanner.Err()
}

// requests splits at the beginnings of requests. A write that was cut has no end of
// line, so the next request can follow it at once. Garbage is passed on in pieces.
func requests(data []byte, atEOF bool) (advance int, token []byte, err error) {
	switch next := bytes.Index(data[min(1, len(data)):], []byte(begins)); {
	case next >= 0:
		return next + 1, data[:next+1], nil
	case atEOF && len(data) > 0, len(data) >= maxRequest-1:
		return len(data), data, nil
	}
	return 0, nil, nil
}

// request returns what is kept of a request.
func (d doomed) request(text []byte) (kept []byte, deleted int) {
	if d.before == "" && !d.mentions(text) {
		return text, 0
	}
	var request struct {
		ResourceMetrics []json.RawMessage `json:"resourceMetrics"`
	}
	if json.Unmarshal(text, &request) != nil { // cut: nobody can read it, but it may have an id
		if d.mentions(text) {
			return nil, 1
		}
		return text, 0
	}
	var rest []json.RawMessage
	for _, one := range request.ResourceMetrics {
		if !d.resource(one) {
			rest = append(rest, one)
		}
	}
	deleted = len(request.ResourceMetrics) - len(rest)
	switch {
	case deleted == 0:
		return text, 0
	case len(rest) == 0:
		return nil, deleted
	}
	return append(append([]byte(begins), bytes.Join(raw(rest), []byte(","))...), "]}\n"...), deleted
}

func raw(list []json.RawMessage) [][]byte {
	texts := make([][]byte, len(list))
	for i, one := range list {
		texts[i] = one
	}
	return texts
}

// mentions reports whether a text has one of the ids anywhere. With many ids that is
// not faster than to read it.
func (d doomed) mentions(text []byte) bool {
	for _, set := range []map[string]bool{d.installations, d.streams} {
		for id := range set {
			if bytes.Contains(text, []byte(id)) {
				return true
			}
		}
	}
	return false
}

// resource reports whether an element of resourceMetrics is to be deleted.
func (d doomed) resource(text json.RawMessage) bool {
	var element struct {
		Resource struct {
			Attributes []struct {
				Key   string `json:"key"`
				Value struct {
					String string      `json:"stringValue"`
					Int    json.Number `json:"intValue"`
				} `json:"value"`
			} `json:"attributes"`
		} `json:"resource"`
	}
	if json.Unmarshal(text, &element) != nil {
		return d.mentions(text)
	}
	for _, a := range element.Resource.Attributes {
		switch a.Key {
		case "app.installation.id":
			if d.installations[a.Value.String] {
				return true
			}
		case "service.instance.id":
			if d.streams[a.Value.String] && !bytes.Contains(text, []byte(`"`+erased+`"`)) {
				return true
			}
		case "otelusage.received":
			if at, err := a.Value.Int.Int64(); err == nil && at > 0 && dayOf(time.Unix(0, at)) < d.before {
				return true
			}
		}
	}
	return false
}

func dayOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// firstDay is the day on which the first request of a file was received.
func firstDay(in io.Reader) string {
	const key = `"otelusage.received","value":{"intValue":"`
	head := make([]byte, 1<<16)
	n, _ := io.ReadFull(in, head) // a shorter file is none the worse
	_, after, found := strings.Cut(string(head[:n]), key)
	digits, _, _ := strings.Cut(after, `"`)
	at, err := json.Number(digits).Int64()
	if !found || err != nil {
		return ""
	}
	return dayOf(time.Unix(0, at))
}
