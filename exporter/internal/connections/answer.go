package connections

import (
	"io"
	"net/http"
)

// ReadAnswer reads at most limit bytes of an answer's body, and closes it. After
// 101 Switching Protocols it reads nothing: what follows is no body but the
// connection itself, whose reads no context ends.
func ReadAnswer(r *http.Response, limit int64) ([]byte, error) {
	defer func() { _ = r.Body.Close() }()
	if r.StatusCode == http.StatusSwitchingProtocols {
		return nil, nil
	}
	return io.ReadAll(io.LimitReader(r.Body, limit))
}
