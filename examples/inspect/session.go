package main

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
)

const cookieName = "quill-session"

// session stands for an application's sign-in: a link that is printed for the
// user sets a cookie. Without it anyone who can reach the port, such as any
// program of this machine, could read the page and switch consent.
type session struct{ key string }

func newSession() session { return session{key: rand.Text()} }

// link returns the URL that signs in and then shows the page.
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

// signedIn authorizes each request of the page.
func (s session) signedIn(r *http.Request) bool {
	c, err := r.Cookie(cookieName)
	return err == nil && s.matches(c.Value)
}

func (s session) matches(key string) bool {
	return subtle.ConstantTimeCompare([]byte(key), []byte(s.key)) == 1
}
