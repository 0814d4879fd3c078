package hq

import "github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"

// newRedactor returns a redactor for the API key. Where the key is too short to
// be found, nothing of the server's is quoted.
func newRedactor(key string) redact.Redactor {
	if len(key) < redact.MinSecret {
		return redact.Mute()
	}
	return redact.New(key)
}
