package view

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// Handler serves the page. All methods may be called concurrently.
type Handler struct {
	config
	reader   *localstore.Store
	store    *localstore.Store
	token    string // that only the served page has
	instance string // makes ETags of two handlers differ
	index    []byte
	routes   map[string]route
	origin   *http.CrossOriginProtection
}

// route is what is served at a path: by method.
type route map[string]func(http.ResponseWriter, *http.Request)

// New returns a Handler for a mirror. It reads through a connection of its own,
// and hides the switches for a Store opened with localstore.ReadOnly.
func New(store *localstore.Store, opts ...Option) (*Handler, error) {
	if store == nil {
		return nil, errors.New("view mirror: there is no store")
	}
	h := &Handler{config: newConfig(opts), store: store, token: rand.Text(), instance: rand.Text(), origin: http.NewCrossOriginProtection()}
	if h.controls == nil {
		h.controls = store
	}
	var err error
	if h.index, err = h.renderIndex(); err != nil {
		return nil, fmt.Errorf("view mirror: %w", err)
	}
	h.reader, err = localstore.Open(store.Path(), localstore.ReadOnly(), localstore.WithErrorHandler(h.onError))
	if err != nil {
		return nil, fmt.Errorf("view mirror: %w", err)
	}
	h.routes = map[string]route{
		"":            reading(h.serveIndex),
		"data":        reading(h.serveData),
		"preview":     reading(h.servePreview),
		"sent":        reading(h.serveSent),
		"usage.csv":   reading(h.serveCSV),
		"usage.json":  reading(h.serveJSON),
		"consent":     {http.MethodPost: h.changing(h.setMode)},
		"erase":       {http.MethodPost: h.changing(h.erase)},
		"favicon.ico": reading(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
	}
	for name, content := range assets() {
		h.routes[name] = reading(content.serve)
	}
	return h, nil
}

// Close closes the connection that the page reads through. The Store stays open.
func (h *Handler) Close() error { return h.reader.Close() }

func reading(f func(http.ResponseWriter, *http.Request)) route {
	return route{http.MethodGet: f, http.MethodHead: f}
}

// ServeHTTP serves the page at the root of what it is mounted on.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	if !h.admits(r.Host) {
		refuse(w, http.StatusForbidden, "This page is not served under this name.")
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" && needsSlash(r) {
		// Relative, because the prefix it is mounted below is not known.
		w.Header().Set("Location", "./"+path.Base(requested(r))+"/")
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	methods, ok := h.routes[name]
	if !ok {
		refuse(w, http.StatusNotFound, "There is nothing here.")
		return
	}
	serve, ok := methods[r.Method]
	if !ok {
		w.Header().Set("Allow", allowed(methods))
		refuse(w, http.StatusMethodNotAllowed, "This cannot be done here.")
		return
	}
	serve(w, r)
}

func allowed(methods route) string {
	var names []string
	for m := range methods {
		names = append(names, m)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// needsSlash reports whether the browser would look for the page's files beside
// the prefix and not below it.
func needsSlash(r *http.Request) bool {
	p := requested(r)
	return p != "" && !strings.HasSuffix(p, "/")
}

// requested is the path before a prefix was stripped.
func requested(r *http.Request) string {
	p, _, _ := strings.Cut(r.RequestURI, "?")
	return p
}
