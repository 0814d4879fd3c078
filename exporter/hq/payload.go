package hq

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// The resource attributes that an upload is made under.
const (
	installationKey = attribute.Key("app.installation.id")
	nameKey         = attribute.Key("service.name")
	versionKey      = attribute.Key("service.version")
)

// payload is the body of an upload. Its keys come in this order, the trackables
// sorted by name.
type payload struct {
	APIKey             string           `json:"API Key"`
	UserIdentifier     string           `json:"User Identifier"`
	ApplicationName    string           `json:"Application Name"`
	ApplicationVersion string           `json:"Application Version"`
	Data               map[string]entry `json:"Data"`
}

type entry struct {
	Type        string `json:"type"`
	Description string `json:"description"`
	Data        any    `json:"data"`
}

// Encode returns the body that [Exporter.Export] sends for rm, with "***" in
// place of the API key. It does not use the network. It returns the same error as
// Export for what cannot be sent. rm is neither changed nor kept.
func Encode(rm *metricdata.ResourceMetrics) ([]byte, error) {
	p, err := newPayload(rm)
	if err == nil {
		err = p.identify(rm.Resource)
	}
	if err != nil {
		return nil, err
	}
	body, err := p.encode(redact.Placeholder)
	if err != nil {
		return nil, err
	}
	return body, nil
}

// newPayload returns the data of a payload.
func newPayload(rm *metricdata.ResourceMetrics) (*payload, *outcome.Error) {
	if rm == nil {
		return nil, unsendable(ErrData, ErrData.Error()+": nil was given")
	}
	found, err := trackables(rm)
	if err != nil {
		return nil, err
	}
	p := &payload{Data: make(map[string]entry, len(found))}
	for name, t := range found {
		p.Data[name] = entry{Type: types[t.kind], Description: t.description, Data: t.data()}
	}
	return p, nil
}

// parsable is what HQ needs to find in a version. It is the server's own rule,
// whose \s is that of ASCII with the vertical tab; between Z and a are [, \, ],
// ^, _ and the backquote.
var parsable = regexp.MustCompile(`[0-9][\t-\r .A-z]*[0-9]`)

// versionRule says the same for people.
const versionRule = "it needs two digits with nothing but letters, dots, underscores and blanks between them, if anything, as in 1.0, v2.3, 42 or 1.0-beta"

// identify fills in whose data it is.
func (p *payload) identify(r *resource.Resource) *outcome.Error {
	p.UserIdentifier = text(r, installationKey)
	p.ApplicationName = text(r, nameKey)
	p.ApplicationVersion = text(r, versionKey)
	switch {
	case p.UserIdentifier == "":
		return unsendable(ErrNoInstallationID, ErrNoInstallationID.Error()+", by which HQ tells installations apart")
	case p.ApplicationName == "":
		return unsendable(ErrNoApplicationName, ErrNoApplicationName.Error()+", by which HQ tells applications apart")
	case !parsable.MatchString(p.ApplicationVersion):
		return unsendable(ErrVersion, fmt.Sprintf("%s %q (service.version): %s",
			ErrVersion, redact.Shorten(redact.Line(p.ApplicationVersion)), versionRule))
	}
	return nil
}

func text(r *resource.Resource, key attribute.Key) string {
	v, _ := r.Set().Value(key)
	return v.AsString()
}

// encode returns the JSON of the payload under the given key.
func (p *payload) encode(key string) ([]byte, *outcome.Error) {
	keyed := *p
	keyed.APIKey = key
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false) // people read it
	if err := e.Encode(keyed); err != nil {
		return nil, unsendable(ErrData, ErrData.Error()+": it does not encode as JSON")
	}
	return bytes.TrimSuffix(body.Bytes(), []byte("\n")), nil
}
