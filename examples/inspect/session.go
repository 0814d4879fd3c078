package main

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
)

const cookieName = "quill-session"

// session stands for the way an application knows who is signed in: a link that
// is printed to its person sets a cookie. Without it whoever reaches the port,
// any program of this machine, could read and switch.
type session struct{ key string }

func newSession() session { return session{key: rand.Text()} }

// link leads to the page by way of signIn.
func (s session) link(host string) string { return "http://" + host + "/signin?key=" + s.key }

func (s session) signIn(w http.ResponseWriter, r *http.Request) {
	if !s.matches(r.URL.Query().Get("key")) {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: s.key, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/usage/", http.StatusSeeOther)
}

// signedIn is what the page asks about each request.
func (s session) signedIn(r *http.Request) bool {
	c, err := r.Cookie(cookieName)
	return err == nil && s.matches(c.Value)
}

func (s session) matches(key string) bool {
	return subtle.ConstantTimeCompare([]byte(key), []byte(s.key)) == 1
}
