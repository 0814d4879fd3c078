package otlphttp

import (
	"encoding/base64"
	"net/http"
	"strings"
	"unicode"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
)

// schemes are the words before a credential, which reasons need.
var schemes = map[string]bool{
	"apikey": true, "api-key": true, "basic": true, "bearer": true, "digest": true, "key": true, "token": true,
}

// newRedactor returns a redactor for all header values and, as in
// "Bearer abc", for their parts.
func newRedactor(h http.Header) redact.Redactor {
	var secrets []string
	for _, values := range h {
		for _, v := range values {
			secrets = append(secrets, v)
			for part := range strings.FieldsFuncSeq(v, func(c rune) bool {
				return unicode.IsSpace(c) || strings.ContainsRune(",;=\"", c)
			}) {
				if !schemes[strings.ToLower(part)] {
					secrets = append(secrets, part)
				}
			}
			secrets = append(secrets, basic(v)...)
		}
	}
	return redact.New(secrets...)
}

// basic returns the name and password in the value of a Basic authorization.
func basic(value string) []string {
	scheme, encoded, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "basic") {
		return nil
	}
	pair, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return nil
	}
	_, password, _ := strings.Cut(string(pair), ":")
	return []string{string(pair), password}
}
