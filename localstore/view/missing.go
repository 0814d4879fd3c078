package view

import (
	"bytes"
	"errors"
	"html/template"
	"net/http"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// serveMissing answers if there is no mirror: with a page for a person, with JSON
// for a script.
func (h *Handler) serveMissing(w http.ResponseWriter, r *http.Request, why error) {
	reason := h.whyMissing(r, why)
	if strings.Trim(r.URL.Path, "/") != "" {
		refuse(w, http.StatusServiceUnavailable, reason)
		return
	}
	page, err := h.renderMissing(reason)
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, reason)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write(page) // the browser has disconnected
}

// whyMissing asks the application first, which knows what the environment forbids.
func (h *Handler) whyMissing(r *http.Request, why error) string {
	if !errors.Is(why, localstore.ErrNotOpen) {
		for _, p := range problems {
			if errors.Is(why, p.err) {
				return p.text
			}
		}
		return "This page could not be set up. The application has the reason."
	}
	if h.controls != nil {
		if c, err := h.controls.Consent(r.Context()); err == nil && c.Reason != "" {
			return "Nothing is recorded: " + sentence(c.Reason)
		}
	}
	return "Nothing is recorded: there is no file with your usage."
}

// sentence turns a reason into a sentence.
func sentence(reason string) string {
	if last, _ := utf8.DecodeLastRuneInString(reason); strings.ContainsRune(".!?", last) {
		return reason
	}
	return reason + "."
}

func (h *Handler) renderMissing(reason string) ([]byte, error) {
	t, err := template.ParseFS(files, path.Join("page", missingName))
	if err != nil {
		return nil, err
	}
	title := h.title
	if title == "" {
		title = defaultTitle
	}
	var page bytes.Buffer
	err = t.Execute(&page, struct {
		Title, Reason string
		Plan          bool
	}{title, reason, h.plan != nil})
	return page.Bytes(), err
}
