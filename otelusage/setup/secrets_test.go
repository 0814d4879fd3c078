package setup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// Whatever prints a value that holds a key, a header or a URL shows none of it.
func TestNothingPrintsASecret(t *testing.T) {
	const secret = "Hunter2Zq7"
	sends, err := otlp.New(t.Context(), otlp.WithEndpointURL("https://h/hook/"+secret), otlp.WithHeaders(map[string]string{"Api-Key": secret}))
	must(t, err)
	uploads, err := hq.New(hq.Config{Host: "h/" + secret, APIKey: secret})
	must(t, err)
	receiver := OTLP{Endpoint: "https://user:" + secret + "@h/" + secret, Headers: map[string]string{"K": secret}}
	server := HQ{Host: "https://h/" + secret, APIKey: secret}
	config := hq.Config{Host: "https://h/" + secret, APIKey: secret}
	values := []any{
		sends, uploads, config, &config, receiver, &receiver, server, &server,
		Config{OTLP: &receiver}, &Config{HQ: &server}, standalone.Config{Forwarder: sends}, &standalone.Config{Forwarder: uploads},
		struct{ V any }{sends}, []any{uploads, config}, map[string]any{"receiver": receiver, "server": server},
		struct{ e *otlp.Exporter }{sends}, struct{ e *hq.Exporter }{uploads},
		otlp.WithHeaders(map[string]string{"K": secret}), otlp.WithEndpointURL("https://h/" + secret),
	}
	for _, v := range values {
		shown := make(map[string]string)
		// All but %p, %T and %w: package fmt asks nobody about these, go vet
		// refuses them.
		for _, verb := range "vsqxXdtbcoOUeg" {
			for _, flags := range []string{"", "+", "#"} {
				format := "%" + flags + string(verb)
				shown[format] = fmt.Sprintf(format, v)
			}
		}
		encoded, _ := json.Marshal(v)
		shown["JSON"] = string(encoded)
		var text, object bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("made", "v", v)
		slog.New(slog.NewJSONHandler(&object, nil)).Info("made", "v", v)
		shown["slog text"], shown["slog JSON"] = text.String(), object.String()
		for how, s := range shown {
			if s = strings.ToLower(s); strings.Contains(s, "hunter2") || strings.Contains(s, "68756e74") || strings.Contains(s, "48756e74") {
				t.Errorf("%s of %T: %s", how, v, s)
			}
		}
	}
}
