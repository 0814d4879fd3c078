package view

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

// everything that the page shows: days, not single exports.
var everything = snapshot.Query{Days: true, Moves: true, Submissions: true}

// serveData answers with the document of localstore.Snapshot.WriteJSON. It checks
// whether the page already has it without reading it.
func (h *Handler) serveData(w http.ResponseWriter, r *http.Request) {
	// Before the data: the next request then notices a change in between.
	revision, err := h.reader.Revision(r.Context())
	if err != nil {
		h.fail(w, err)
		return
	}
	tag := fmt.Sprintf("%q", h.instance+"."+revision)
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	snap, err := h.reader.Snapshot(r.Context(), everything)
	if err == nil {
		// Only the process knows what applies to it.
		snap.Consent, err = h.consent(r)
	}
	if err != nil {
		w.Header().Del("ETag")
		h.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = snap.WriteJSON(w) // the browser has disconnected
}

// consent returns the application's consent, or for a Store the file's.
func (h *Handler) consent(r *http.Request) (localstore.Consent, error) {
	if h.controls == Controls(h.store) {
		return h.reader.Consent(r.Context())
	}
	return h.controls.Consent(r.Context())
}

func (h *Handler) circumstances() localstore.Circumstances {
	if h.around != nil {
		return *h.around
	}
	return h.store.Circumstances()
}

func (h *Handler) servePreview(w http.ResponseWriter, r *http.Request) {
	h.serveWhole(w, "application/json; charset=utf-8", func(out io.Writer) error {
		p, err := h.reader.Preview(r.Context(), outbox.Request{Forwarder: outbox.Delta})
		if err == nil {
			p.Consent, err = h.consent(r)
		}
		if err != nil {
			return err
		}
		return p.WriteJSON(out)
	})
}

func (h *Handler) serveCSV(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Disposition", `attachment; filename="usage.csv"`)
	h.serveWhole(w, "text/csv; charset=utf-8", func(out io.Writer) error {
		snap, err := h.reader.Snapshot(r.Context(), snapshot.Query{})
		if err != nil {
			return err
		}
		return snap.WriteCSV(out, snapshot.OrderByType)
	})
}

func (h *Handler) serveJSON(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Disposition", `attachment; filename="usage.json"`)
	h.serveWhole(w, "application/json; charset=utf-8", func(out io.Writer) error {
		snap, err := h.reader.Snapshot(r.Context(), snapshot.Query{Days: true, History: true, Submissions: true})
		if err != nil {
			return err
		}
		return snap.WriteJSON(out)
	})
}

// serveSent answers with what a batch sent, part by part.
func (h *Handler) serveSent(w http.ResponseWriter, r *http.Request) {
	batch, err := strconv.ParseInt(r.URL.Query().Get("batch"), 10, 64)
	if err != nil || batch < 1 {
		refuse(w, http.StatusBadRequest, "A batch must be a number above 0.")
		return
	}
	parts, err := h.reader.Sent(r.Context(), batch)
	if err != nil {
		h.fail(w, err)
		return
	}
	answer(w, http.StatusOK, parts)
}

// serveWhole sends a document only when it is complete: a part of it would look
// like the whole.
func (h *Handler) serveWhole(w http.ResponseWriter, contentType string, write func(io.Writer) error) {
	var whole bytes.Buffer
	if err := write(&whole); err != nil {
		w.Header().Del("Content-Disposition")
		h.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = whole.WriteTo(w) // the browser has disconnected
}
