package view

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"strings"
)

// door admits requests whose path begins with the secret. To all others every path
// is 404.
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

// path returns the path of the page.
func (d *door) path() string { return "/" + d.secret + "/" }

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.page.protect(w.Header()) // this keeps the URL out of Referer
	given, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if subtle.ConstantTimeCompare([]byte(given), []byte(d.secret)) != 1 {
		w.Header().Set("Connection", "close")
		refuse(w, http.StatusNotFound, "There is nothing here.")
		return
	}
	d.strangers.admit(r.Context())
	d.inside.ServeHTTP(w, r)
}
