package view

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
)

// maxStrangers limits the connections that have not shown the secret yet.
const maxStrangers = 64

// strangers are the connections that have not shown the secret yet, oldest first.
// A new one beyond the limit closes the oldest: idle connections cannot keep the
// owner out.
type strangers struct {
	mu   sync.Mutex
	list []net.Conn
}

type connectionKey struct{}

// know is the server's ConnContext.
func (s *strangers) know(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, c)
}

// note is the server's ConnState.
func (s *strangers) note(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if oldest := s.add(c); oldest != nil {
			_ = oldest.Close()
		}
	case http.StateClosed, http.StateHijacked:
		s.remove(c)
	}
}

func (s *strangers) add(c net.Conn) (oldest net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.list = append(s.list, c); len(s.list) > maxStrangers {
		oldest, s.list = s.list[0], s.list[1:]
	}
	return oldest
}

func (s *strangers) remove(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = slices.DeleteFunc(s.list, func(other net.Conn) bool { return other == c })
}

// admit marks the connection of a request as the owner's.
func (s *strangers) admit(ctx context.Context) {
	if c, ok := ctx.Value(connectionKey{}).(net.Conn); ok {
		s.remove(c)
	}
}
