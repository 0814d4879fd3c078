package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/anonymoususage/anonymoususage-go/examples/internal/table"
)

// maxBody bounds what the stand-in reads of an upload.
const maxBody = 16 << 20

// standIn answers like an HQ server: it refuses a valid upload with HTTP 200 and
// a text that says why.
type standIn struct {
	url, key string
	server   *http.Server

	mu      sync.Mutex
	answers []string
	held    map[string]entry // the last values it accepted
}

type upload struct {
	Key     string `json:"API Key"`
	User    string `json:"User Identifier"`
	Name    string `json:"Application Name"`
	Version string `json:"Application Version"`
	Data    map[string]entry
}

type entry struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

func startHQ(key string) (*standIn, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start HQ: %w", err)
	}
	h := &standIn{url: "http://" + listener.Addr().String(), key: key, held: make(map[string]entry)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /usagestats/upload", h.upload)
	h.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = h.server.Serve(listener) }() // ends with close
	return h, nil
}

func (h *standIn) close() error { return h.server.Close() }

var (
	parsable  = regexp.MustCompile(`[0-9][\t-\r .A-z]*[0-9]`)
	types     = []string{"Statistic", "State", "Timer", "Sequence"}
	errUpload = errors.New("malformed upload")
)

func (h *standIn) upload(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	answer, err := h.take(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		answer = "500 " + err.Error()
		http.Error(w, err.Error(), http.StatusInternalServerError)
	} else {
		_, _ = io.WriteString(w, answer)
	}
	h.answers = append(h.answers, answer)
}

func (h *standIn) take(body io.Reader) (answer string, err error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return "", fmt.Errorf("read upload: %w", err)
	}
	var u upload
	if err := json.Unmarshal(text, &u); err != nil {
		return "", fmt.Errorf("%w: %w", errUpload, err)
	}
	switch u.Key {
	case h.key:
	case "":
		return "Missing API Key.", nil
	case "no-group":
		return "User does not belong to a group.", nil
	default:
		return "Upload failed", nil
	}
	if !parsable.MatchString(u.Version) {
		return "", fmt.Errorf("%w: version %q", errUpload, u.Version)
	}
	for name, e := range u.Data {
		if !slices.Contains(types, e.Type) {
			return "", fmt.Errorf("%w: %s is a %q", errUpload, name, e.Type)
		}
	}
	maps.Copy(h.held, u.Data)
	return "Success", nil
}

// report prints what HQ received.
func (h *standIn) report(out io.Writer) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	fmt.Fprintf(out, "\nHQ answered: %q\nHQ holds\n", h.answers)
	t := &table.Table{Header: []string{"name", "type", "value"}}
	for _, name := range slices.Sorted(maps.Keys(h.held)) {
		t.Add(name, h.held[name].Type, string(h.held[name].Data))
	}
	return t.Print(out)
}
