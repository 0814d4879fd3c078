package setup

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// parse reads the text of a configuration file.
func parse(path string, data []byte) (Config, error) {
	errs := &fileErrors{file: path}
	text := strings.TrimPrefix(string(data), "\uFEFF")
	if line, err := checkEncoding(text); err != nil {
		errs.add(line, "", err)
		return Config{}, errs.joined()
	}
	found := scan(text, errs)
	if len(found.sections) == 0 && !found.notes.any() && !errs.any() {
		errs.add(0, "", ErrEmpty)
	}
	c := found.config(errs)
	if errs.any() {
		return Config{}, errs.joined()
	}
	c.Notes = found.notes.sorted()
	return c, nil
}

// config takes the values over, in the order of their lines.
func (l layout) config(errs *fileErrors) Config {
	c := Config{SubmitInterval: NeverSubmit} // as in the library, where the file has none
	hq, otlp := l.sections["hq"], l.sections["otlp"]
	if hq.line > 0 {
		c.HQ = new(HQ)
	}
	if otlp.line > 0 {
		c.OTLP = new(OTLP)
	}
	if c.HQ != nil && c.OTLP != nil {
		errs.add(max(hq.line, otlp.line), "", fmt.Errorf("section [%s]: %w", l.last(), ErrTwoDestinations))
	}
	sound := true // every value of the destination can be used
	for _, at := range l.inOrder() {
		err := checkText(at.value)
		if err == nil {
			err = sections[at.section][at.key].set(&c, at.value)
		}
		errs.add(at.line, at.text, err)
		sound = sound && (err == nil || at.section == "general")
	}
	l.checkRequired(errs)
	l.checkDestination(&c, sound, errs)
	l.checkInterval(&c)
	return c
}

type location struct {
	setting
	section, key string
}

func (l layout) inOrder() []location {
	var all []location
	for section, keys := range l.keys {
		for key, at := range keys {
			all = append(all, location{at, section, key})
		}
	}
	slices.SortFunc(all, func(a, b location) int { return cmp.Compare(a.line, b.line) })
	return all
}

// last returns the later of the two destinations.
func (l layout) last() string {
	if l.sections["hq"].line > l.sections["otlp"].line {
		return l.sections["hq"].text
	}
	return l.sections["otlp"].text
}

// checkRequired blames the key's line if it is there but empty, else its
// section's.
func (l layout) checkRequired(errs *fileErrors) {
	for _, section := range []string{"hq", "otlp"} {
		header, there := l.sections[section]
		if !there {
			continue
		}
		for _, key := range required[section] {
			at, written := l.keys[section][key]
			switch {
			case !written:
				errs.add(header.line, key, fmt.Errorf("%w in [%s]", ErrMissingKey, header.text))
			case at.value == "":
				errs.add(at.line, at.text, fmt.Errorf("%w: it is empty", ErrMissingKey))
			}
		}
	}
}

// checkInterval notes a destination to which nothing will ever be sent.
func (l layout) checkInterval(c *Config) {
	if _, there := l.keys["general"]["submit_interval_s"]; there || c.HQ == nil && c.OTLP == nil {
		return
	}
	l.notes.add(max(l.sections["general"].line, 1), "submit_interval_s", ErrNeverSubmits)
}

// checkDestination makes the forwarder from one key more at a time, so that
// what it refuses is blamed on the right line. Where a value is unsound already,
// only the address is tried.
func (l layout) checkDestination(c *Config, sound bool, errs *fileErrors) {
	blame := func(section, key string, make func() (sdkmetric.Exporter, error)) bool {
		made, err := make()
		if err == nil {
			err = discard(made)
		}
		if err != nil {
			at := l.keys[section][key]
			errs.add(at.line, at.text, err)
		}
		return err == nil
	}
	switch {
	case c.OTLP != nil && c.HQ != nil: // which is refused
	case c.OTLP != nil && c.OTLP.Endpoint != "":
		bare := &OTLP{Endpoint: c.OTLP.Endpoint}
		_ = blame("otlp", "endpoint", bare.forwarder) && sound && blame("otlp", "headers", c.OTLP.forwarder)
	case c.HQ != nil && c.HQ.Host != "":
		bare := &HQ{Host: c.HQ.Host, APIKey: "key"}
		_ = blame("hq", "host", bare.forwarder) && sound && c.HQ.APIKey != "" && blame("hq", "api_key", c.HQ.forwarder)
	}
}
