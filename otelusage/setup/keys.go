package setup

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// key says what a key may hold and where it goes.
type key struct {
	set      func(c *Config, value string) error
	position int // in the file's order, for lists
}

// sections are all sections with their keys, by lower-case names. Those of a
// destination are only read when Config has that destination.
var sections = map[string]map[string]key{
	"general": {
		"filepath":            {text(func(c *Config) *string { return &c.FilePath }), 1},
		"application_name":    {text(func(c *Config) *string { return &c.ApplicationName }), 2},
		"application_version": {text(func(c *Config) *string { return &c.ApplicationVersion }), 3},
		"submit_interval_s":   {secondsOrNone(func(c *Config) *time.Duration { return &c.SubmitInterval }, NeverSubmit), 4},
		"check_interval_s":    {secondsOrNone(func(c *Config) *time.Duration { return &c.CheckInterval }, NeverCheck), 5},
		"debug":               {setDebug, 6},
		"installation_id":     {setInstallationID, 7},
		"enabled":             {setEnabled, 8},
		"shutdown_grace_s":    {secondsOrNone(func(c *Config) *time.Duration { return &c.ShutdownGrace }, NoWait), 9},
		"submit_wait_s":       {secondsOrNone(func(c *Config) *time.Duration { return &c.SubmitWait }, NoWait), 10},
		"journal":             {setJournal, 11},
		"declared_only":       {setDeclaredOnly, 12},
		"unlinkable":          {setUnlinkable, 13},

		"installation_rotation_days": {setRotation, 14},
	},
	"hq": {
		"host":      {text(func(c *Config) *string { return &c.HQ.Host }), 1},
		"api_key":   {text(func(c *Config) *string { return &c.HQ.APIKey }), 2},
		"timeout_s": {seconds(func(c *Config) *time.Duration { return &c.HQ.Timeout }), 3},
	},
	"otlp": {
		"endpoint":        {text(func(c *Config) *string { return &c.OTLP.Endpoint }), 1},
		"headers":         {setHeaders, 2},
		"compression":     {setCompression, 3},
		"timeout_s":       {seconds(func(c *Config) *time.Duration { return &c.OTLP.Timeout }), 4},
		"lenient_answers": {setLenientAnswers, 5},
	},
}

// required are the keys that a section must have when it is there. A filepath
// may come from code.
var required = map[string][]string{"hq": {"host", "api_key"}, "otlp": {"endpoint"}}

// names returns the keys of a section in the file's order.
func names(keys map[string]key) []string {
	var all []string
	for name := range keys {
		all = append(all, name)
	}
	slices.SortFunc(all, func(a, b string) int { return keys[a].position - keys[b].position })
	return all
}

func text(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, value string) error {
		*field(c) = value
		return nil
	}
}

func seconds(field func(*Config) *time.Duration) func(*Config, string) error {
	return func(c *Config, value string) error {
		d, err := parseSeconds(value)
		if err == nil && d == 0 {
			err = fmt.Errorf("%w: 0 seconds; without the key there is a default", ErrBadValue)
		}
		*field(c) = d
		return err
	}
}

// secondsOrNone is seconds where 0 in the file stands for none.
func secondsOrNone(field func(*Config) *time.Duration, none time.Duration) func(*Config, string) error {
	return func(c *Config, value string) error {
		d, err := parseSeconds(value)
		if d == 0 {
			d = none
		}
		*field(c) = d
		return err
	}
}

func setLenientAnswers(c *Config, value string) (err error) {
	c.OTLP.LenientAnswers, err = parseBool(value)
	return err
}

func setDebug(c *Config, value string) (err error) {
	c.Debug, err = parseBool(value)
	return err
}

func setEnabled(c *Config, value string) error {
	enabled, err := parseBool(value)
	c.Disabled = !enabled
	return err
}

func setJournal(c *Config, value string) error {
	on, err := parseBool(value)
	if c.Journal = standalone.JournalOn; err == nil && !on {
		c.Journal = standalone.JournalOff
	}
	return err
}

func setDeclaredOnly(c *Config, value string) (err error) {
	c.DeclaredOnly, err = parseBool(value)
	return err
}

func setUnlinkable(c *Config, value string) (err error) {
	c.Unlinkable, err = parseBool(value)
	return err
}

// setRotation takes whole days; 0 is for ever.
func setRotation(c *Config, value string) error {
	days, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return fmt.Errorf("%w: %q is not a number of days", ErrBadValue, shown(value))
	}
	if days > uint64(maxInterval/(24*time.Hour)) {
		return fmt.Errorf("%w: %d days are more than ten years", ErrBadValue, days)
	}
	c.InstallationRotation = time.Duration(days) * 24 * time.Hour
	return nil
}

func setInstallationID(c *Config, value string) error {
	c.InstallationID = value
	return checkInstallationID(value)
}

func setCompression(c *Config, value string) error {
	switch c.OTLP.Compression = strings.ToLower(value); otlp.Compression(c.OTLP.Compression) {
	case otlp.GzipCompression, otlp.NoCompression:
		return nil
	}
	return fmt.Errorf("%w: neither gzip nor none", ErrBadValue)
}

// setHeaders never quotes: a name may be a misplaced value.
func setHeaders(c *Config, value string) error {
	headers := make(map[string]string)
	lower := make(map[string]bool)
	number := 0
	for pair := range strings.SplitSeq(value, ",") {
		number++
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, found := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		switch {
		case !found || name == "":
			return fmt.Errorf("%w: header %d is not name=value", ErrBadValue, number)
		case lower[strings.ToLower(name)]:
			return fmt.Errorf("%w: header %d", ErrDuplicate, number)
		}
		headers[name], lower[strings.ToLower(name)] = strings.TrimSpace(value), true
	}
	if len(headers) > 0 {
		c.OTLP.Headers = headers
	}
	return nil
}

// parseSeconds takes digits with or without decimals.
func parseSeconds(value string) (time.Duration, error) {
	number, err := strconv.ParseFloat(value, 64)
	switch plain := strings.Trim(value, "0123456789.") == ""; {
	case value == "":
		return 0, fmt.Errorf("%w: a number of seconds is missing", ErrBadValue)
	case err == nil && number < 0:
		return 0, fmt.Errorf("%w: %s seconds are negative", ErrBadValue, shown(value))
	case errors.Is(err, strconv.ErrRange), err == nil && number > maxInterval.Seconds() && !math.IsNaN(number):
		return 0, fmt.Errorf("%w: %s seconds are more than ten years", ErrBadValue, shown(value))
	case err != nil || !plain:
		return 0, fmt.Errorf("%w: %q is not a number of seconds", ErrBadValue, shown(value))
	case number > 0 && number < 0.001:
		return 0, fmt.Errorf("%w: %s seconds are less than a millisecond", ErrBadValue, shown(value))
	}
	d, err := time.ParseDuration(value + "s")
	if err != nil {
		return 0, fmt.Errorf("%w: %q is not a number of seconds", ErrBadValue, shown(value))
	}
	return d, nil
}

func parseBool(value string) (bool, error) {
	switch strings.ToLower(value) {
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	}
	return false, fmt.Errorf("%w: %q is neither true, yes, on, 1 nor false, no, off, 0", ErrBadValue, shown(value))
}
