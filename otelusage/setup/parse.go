package setup

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/ini.v1"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// options make the library take values as Python's configparser does where it
// does not interpolate: one line, nothing unescaped, no comment at the end.
var options = ini.LoadOptions{
	Insensitive:             true,
	IgnoreContinuation:      true, // filepath = C:\data\
	IgnoreInlineComment:     true, // api_key = a;b#c
	PreserveSurroundedQuote: true,
}

// parse reads the text of a configuration file.
func parse(path string, data []byte) (Config, error) {
	errs := &fileErrors{file: path}
	text := strings.TrimPrefix(string(data), "\uFEFF")
	if line, err := checkEncoding(text); err != nil {
		errs.add(line, "", err)
		return Config{}, errs.joined()
	}
	found := scan(text, errs)
	if len(found.sections) == 0 && !errs.any() {
		errs.add(0, "", ErrEmpty)
	}
	if len(found.sections) == 0 {
		return Config{}, errs.joined()
	}
	file, err := ini.LoadSources(options, []byte(found.readable(text)))
	if err != nil && !errs.any() { // not its text, which quotes the line
		errs.add(0, "", ErrSyntax)
	}
	if err != nil {
		return Config{}, errs.joined()
	}
	c := found.config(file, errs)
	if errs.any() {
		return Config{}, errs.joined()
	}
	return c, nil
}

// config reads the values at the places found, in the order of their lines.
func (l layout) config(file *ini.File, errs *fileErrors) Config {
	var c Config
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
		value := file.Section(at.section).Key(at.key).Value() // not String, which interpolates
		err := checkText(value)
		if err == nil {
			err = sections[at.section][at.key].set(&c, value)
		}
		errs.add(at.line, at.text, err)
		sound = sound && (err == nil || at.section == "general")
	}
	l.checkRequired(file, errs)
	l.checkDestination(&c, sound, errs)
	return c
}

type location struct {
	place
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
// section's, else the first line.
func (l layout) checkRequired(file *ini.File, errs *fileErrors) {
	for _, section := range []string{"general", "hq", "otlp"} {
		header, there := l.sections[section]
		if !there && (section != "general" || l.refused[place{}]) {
			continue
		}
		for _, key := range required[section] {
			at, written := l.keys[section][key]
			switch {
			case l.refused[place{header.line, key}]:
			case !there:
				errs.add(1, key, fmt.Errorf("%w, and so is the section [General]", ErrMissingKey))
			case !written:
				errs.add(header.line, key, fmt.Errorf("%w in [%s]", ErrMissingKey, header.text))
			case file.Section(section).Key(key).Value() == "":
				errs.add(at.line, at.text, fmt.Errorf("%w: it is empty", ErrMissingKey))
			}
		}
	}
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
