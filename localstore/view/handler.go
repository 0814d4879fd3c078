package view

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// Handler serves the page. All methods may be called concurrently, and on a nil
// Handler, which answers 503.
type Handler struct {
	config
	token    string // only the served page has it
	instance string // makes ETags of two handlers differ
	origin   *http.CrossOriginProtection

	lifetime context.Context // of all reads; nil for a Handler that New did not make
	end      context.CancelFunc

	mu     sync.Mutex // held while the following is created
	closed bool
	opened atomic.Bool // the above is created, and does not change any more

	unmirrored map[string]route // needs no mirror

	store  *localstore.Store
	reader *localstore.Store
	index  []byte
	routes map[string]route
}

// route has the handlers of a path by method.
type route map[string]func(http.ResponseWriter, *http.Request)

// New returns a Handler for a mirror. It reads through its own connection,
// and hides the switches for a Store opened with localstore.ReadOnly.
//
// New never returns nil. If it returns an error, as for the nil Store of an
// application that records nothing, the Handler answers every request with 503
// and the reason, in a sentence for the user, until there is a mirror: the
// Store's, or that of controls with a method Store, such as *standalone.Usage.
func New(store *localstore.Store, opts ...Option) (*Handler, error) {
	return newWithin(context.Background(), store, opts...)
}

// newWithin is New, but stops waiting for the mirror when ctx ends.
func newWithin(ctx context.Context, store *localstore.Store, opts ...Option) (*Handler, error) {
	h := &Handler{config: newConfig(opts), store: store, token: rand.Text(), instance: rand.Text(), origin: http.NewCrossOriginProtection()}
	h.unmirrored = h.early()
	if h.controls == nil && store.Path() != "" {
		h.controls = store
	}
	h.lifetime, h.end = context.WithCancel(context.Background())
	if err := h.ready(ctx); err != nil {
		return h, fmt.Errorf("view mirror: %w", err)
	}
	return h, nil
}

// ready opens the mirror if necessary, and returns why there is none.
func (h *Handler) ready(ctx context.Context) error {
	if h.opened.Load() {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.opened.Load():
		return nil
	case h.closed:
		return localstore.ErrClosed
	case h.wrong != nil:
		return h.wrong
	}
	if h.store.Path() == "" {
		h.store = h.theirs()
	}
	if h.store.Path() == "" {
		return localstore.ErrNotOpen
	}
	if err := h.open(ctx); err != nil {
		return err
	}
	h.opened.Store(true)
	return nil
}

// theirs returns the application's current Store.
func (h *Handler) theirs() *localstore.Store {
	if c, ok := h.controls.(interface{ Store() *localstore.Store }); ok {
		return c.Store()
	}
	return nil
}

// open creates everything that serves a mirror.
func (h *Handler) open(ctx context.Context) (err error) {
	if h.index, err = h.renderIndex(); err != nil {
		return err
	}
	h.reader, err = localstore.OpenContext(ctx, h.store.Path(), localstore.ReadOnly(), localstore.WithErrorHandler(h.onError))
	if err != nil {
		return err
	}
	h.reader.SetCircumstances(h.circumstances())
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
	return nil
}

// Close closes the page's connection and ends the reads of running requests. The
// Store stays open: close the page first.
func (h *Handler) Close() error {
	if h == nil {
		return nil
	}
	if h.end != nil {
		h.end()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	return h.reader.Close()
}

func reading(f func(http.ResponseWriter, *http.Request)) route {
	return route{http.MethodGet: f, http.MethodHead: f}
}

// ServeHTTP serves the page at the root of what it is mounted on.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h == nil {
		h = new(Handler)
	}
	h.protect(w.Header())
	switch {
	case !h.admits(r.Host):
		refuse(w, http.StatusForbidden, "This page is not available under this name.")
		return
	case h.authorized != nil && !h.authorized(r):
		refuse(w, http.StatusForbidden, "You may not look at this page.")
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if methods, ok := h.unmirrored[name]; ok {
		methods.serve(w, r)
		return
	}
	r, done := h.bounded(r)
	defer done()
	if err := h.ready(r.Context()); err != nil {
		h.serveMissing(w, r, err)
		return
	}
	if name == "" && needsSlash(r) {
		// Relative, because the prefix is not known.
		w.Header().Set("Location", "./"+path.Base(requested(r))+"/")
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	methods, ok := h.routes[name]
	if !ok {
		refuse(w, http.StatusNotFound, "There is nothing here.")
		return
	}
	methods.serve(w, r)
}

func (methods route) serve(w http.ResponseWriter, r *http.Request) {
	serve, ok := methods[r.Method]
	if !ok {
		w.Header().Set("Allow", allowed(methods))
		refuse(w, http.StatusMethodNotAllowed, "This cannot be done here.")
		return
	}
	serve(w, r)
}

// bounded ends a request also with the Handler, not only with its client.
func (h *Handler) bounded(r *http.Request) (bounded *http.Request, done func()) {
	if h.lifetime == nil {
		return r, func() {}
	}
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(h.lifetime, cancel)
	return r.WithContext(ctx), func() { stop(); cancel() }
}

func allowed(methods route) string {
	var names []string
	for m := range methods {
		names = append(names, m)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// needsSlash reports whether the browser would look for the page's files next to
// the prefix instead of below it.
func needsSlash(r *http.Request) bool {
	p := requested(r)
	return p != "" && !strings.HasSuffix(p, "/")
}

// requested is the path before a prefix was stripped.
func requested(r *http.Request) string {
	p, _, _ := strings.Cut(r.RequestURI, "?")
	return p
}
