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

// problems are messages for the user. The first error that matches is used; no
// message shows a path.
var problems = []struct {
	err    error
	status int
	text   string
}{
	{localstore.ErrOverruled, http.StatusForbidden, "A file beside the one with your usage is stricter, or cannot be understood, and you may not change it. The stricter setting applies."},
	{fs.ErrNotExist, http.StatusServiceUnavailable, "The file with your usage is gone. The application creates it again at the next recording."},
	{fs.ErrPermission, http.StatusServiceUnavailable, "This program may not read the file with your usage."},
	{localstore.ErrNewerSchema, http.StatusServiceUnavailable, "The file was written by a newer version of the application, which this page cannot read."},
	{localstore.ErrDamaged, http.StatusServiceUnavailable, "The file with your usage is damaged. The application sets it aside and creates a fresh one."},
	{localstore.ErrUntrusted, http.StatusServiceUnavailable, "The file with your usage could have been written by other users of this computer."},
	{localstore.ErrNotMirror, http.StatusServiceUnavailable, "There is something else in the place of the file with your usage."},
	{localstore.ErrClosed, http.StatusServiceUnavailable, "The application has closed the file with your usage."},
	{localstore.ErrReadOnly, http.StatusForbidden, readOnlyReason},
	{snapshot.ErrNoPayload, http.StatusNotFound, "What was sent then is no longer kept."},
}

// fail answers with the user's message for an error, and reports the full error.
func (h *Handler) fail(w http.ResponseWriter, err error) {
	if !errors.Is(err, context.Canceled) { // the browser has disconnected
		h.onError(err)
	} else if h.lifetime != nil && h.lifetime.Err() != nil {
		err = localstore.ErrClosed // Close ended the read before or while it ran
	}
	for _, p := range problems {
		if errors.Is(err, p.err) {
			refuse(w, p.status, p.text)
			return
		}
	}
	refuse(w, http.StatusInternalServerError, "This did not work. The application has the reason.")
}

func refuse(w http.ResponseWriter, status int, text string) {
	answer(w, status, map[string]string{"error": text})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // there is nobody to report to
}
