package view

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// maxBody is larger than any request of the page.
const maxBody = 1 << 10

func (h *Handler) setMode(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Mode string `json:"mode"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&request); err != nil {
		refuse(w, http.StatusBadRequest, "This is not a request of the page.")
		return
	}
	set := h.switchTo(request.Mode)
	if set == nil {
		refuse(w, http.StatusBadRequest, "The mode must be on, local or off.")
		return
	}
	// A browser that disconnects does not cancel the user's decision.
	if err := set(context.WithoutCancel(r.Context())); err != nil {
		h.fail(w, err)
		return
	}
	h.reply(w, r, "")
}

// switchTo returns the function that sets a mode, nil for an unknown mode.
func (h *Handler) switchTo(mode string) func(context.Context) error {
	switch mode {
	case localstore.ModeOn.String():
		return h.controls.Enable
	case localstore.ModeLocal.String():
		return h.controls.Disable
	case localstore.ModeOff.String():
		return func(ctx context.Context) error { return h.store.SetMode(ctx, localstore.ModeOff) }
	}
	return nil
}

func (h *Handler) erase(w http.ResponseWriter, r *http.Request) {
	err := h.controls.Erase(context.WithoutCancel(r.Context()))
	switch {
	case errors.Is(err, localstore.ErrErasePending):
		h.onError(err)
		h.reply(w, r, "Everything was erased. Another program keeps the file open: its old bytes are overwritten at the next start.")
	case err != nil:
		h.fail(w, err)
	default:
		h.reply(w, r, "")
	}
}

// reply sends the current consent.
func (h *Handler) reply(w http.ResponseWriter, r *http.Request, note string) {
	consent, err := h.consent(r)
	if err != nil {
		h.fail(w, err)
		return
	}
	answer(w, http.StatusOK, struct {
		Mode   string `json:"mode"`
		Reason string `json:"reason"`
		Note   string `json:"note,omitempty"`
	}{consent.Mode.String(), consent.Reason, note})
}
