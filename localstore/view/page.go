package view

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"path"
)

//go:embed page
var files embed.FS

const (
	indexName   = "index.html"
	missingName = "missing.html"
)

// asset is a file of the page.
type asset struct {
	contentType string
	content     []byte
}

func (a asset) serve(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", a.contentType)
	_, _ = w.Write(a.content) // the browser has disconnected
}

// contentTypes are those of the page's files. The system's own types may be wrong,
// and with nosniff the browser trusts them.
var contentTypes = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
}

// assets returns the files by their paths relative to the page.
func assets() map[string]asset {
	found := make(map[string]asset)
	_ = fs.WalkDir(files, "page", func(name string, entry fs.DirEntry, err error) error { // embedded, it cannot fail
		contentType, ok := contentTypes[path.Ext(name)]
		if err != nil || entry.IsDir() || !ok {
			return err
		}
		content, err := files.ReadFile(name)
		found[name[len("page/"):]] = asset{contentType, content}
		return err
	})
	return found
}

// renderIndex fills in what is equal for every request.
func (h *Handler) renderIndex() ([]byte, error) {
	t, err := template.ParseFS(files, path.Join("page", indexName))
	if err != nil {
		return nil, err
	}
	token, locked := h.token, ""
	if h.store.IsReadOnly() {
		token, locked = "", readOnlyReason
	}
	var page bytes.Buffer
	err = t.Execute(&page, struct {
		Title, Token, Locked string
		IntervalSeconds      float64
		Plan                 bool
	}{h.title, token, locked, h.recordInterval.Seconds(), h.plan != nil})
	return page.Bytes(), err
}

func (h *Handler) serveIndex(w http.ResponseWriter, _ *http.Request) {
	asset{"text/html; charset=utf-8", h.index}.serve(w, nil)
}
