package view

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"strings"
)

// door lets those through to the page who know its secret, which is the first
// part of the path. To all others there is nothing at any path.
type door struct {
	secret    string
	page      *Handler
	inside    http.Handler
	strangers *strangers
}

func newDoor(page *Handler) *door {
	secret := rand.Text() // at least 128 bits
	return &door{secret: secret, page: page, inside: http.StripPrefix("/"+secret, page), strangers: new(strangers)}
}

// path is where the page is.
func (d *door) path() string { return "/" + d.secret + "/" }

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.page.protect(w.Header()) // which keeps the URL out of Referer
	given, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if subtle.ConstantTimeCompare([]byte(given), []byte(d.secret)) != 1 {
		w.Header().Set("Connection", "close")
		refuse(w, http.StatusNotFound, "There is nothing here.")
		return
	}
	d.strangers.admit(r.Context())
	d.inside.ServeHTTP(w, r)
}
