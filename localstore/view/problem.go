package view

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

const readOnlyReason = "The mirror was opened for reading only. Nothing can be changed here."

// problems are what a person can be told of an error. The first that matches
// holds; none of them shows a path.
var problems = []struct {
	err    error
	status int
	text   string
}{
	{localstore.ErrOverruled, http.StatusForbidden, "A file beside the one with your usage says something stricter, or cannot be understood, and is not yours to change. The stricter holds."},
	{fs.ErrNotExist, http.StatusServiceUnavailable, "The file with your usage is gone. It comes back when the application records again."},
	{fs.ErrPermission, http.StatusServiceUnavailable, "The file with your usage may not be read by this program."},
	{localstore.ErrNewerSchema, http.StatusServiceUnavailable, "The file was written by a newer version of the application, which this page cannot read."},
	{localstore.ErrDamaged, http.StatusServiceUnavailable, "The file with your usage is damaged. The application sets it aside and begins a fresh one."},
	{localstore.ErrUntrusted, http.StatusServiceUnavailable, "The file with your usage could have been written by other users of this computer."},
	{localstore.ErrNotMirror, http.StatusServiceUnavailable, "Something else lies where the file with your usage was."},
	{localstore.ErrClosed, http.StatusServiceUnavailable, "The application has closed the file with your usage."},
	{localstore.ErrReadOnly, http.StatusForbidden, readOnlyReason},
	{snapshot.ErrNoPayload, http.StatusNotFound, "What was sent then is not kept any more."},
}

// fail answers with what a person can do with an error, and reports it in full.
func (h *Handler) fail(w http.ResponseWriter, err error) {
	if !errors.Is(err, context.Canceled) { // the browser went away
		h.onError(err)
	} else if h.lifetime != nil && h.lifetime.Err() != nil {
		err = localstore.ErrClosed // which ended the reading before it began, or while it ran
	}
	for _, p := range problems {
		if errors.Is(err, p.err) {
			refuse(w, p.status, p.text)
			return
		}
	}
	refuse(w, http.StatusInternalServerError, "This did not work. The application was told why.")
}

func refuse(w http.ResponseWriter, status int, text string) {
	answer(w, status, map[string]string{"error": text})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // nobody is left to tell
}
