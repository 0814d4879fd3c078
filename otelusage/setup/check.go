package setup

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// maxInstallationID is how long an id may be in the mirror.
const maxInstallationID = 255

// check returns all that is wrong with c, apart from what its destination has
// to say. It touches nothing.
func (c *Config) check() error {
	var errs []error
	field := func(name string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	field("FilePath", c.checkPath())
	field("ApplicationName", checkText(c.ApplicationName))
	field("ApplicationVersion", checkText(c.ApplicationVersion))
	field("InstallationID", checkInstallationID(c.InstallationID))
	if c.SubmitInterval != NeverSubmit {
		field("SubmitInterval", checkInterval(c.SubmitInterval))
	}
	if c.CheckInterval != NeverCheck {
		field("CheckInterval", checkInterval(c.CheckInterval))
	}
	field("RecordInterval", checkInterval(c.RecordInterval))
	field("CloseTimeout", checkInterval(c.CloseTimeout))
	field("ShutdownGrace", checkInterval(c.ShutdownGrace))
	field("SubmitWait", checkInterval(c.SubmitWait))
	field("InstallationRotation", c.checkRotation())
	if c.Unlinkable && c.HQ != nil {
		field("Unlinkable", fmt.Errorf("%w: %w", ErrBadValue, exporter.ErrNeedsID))
	}
	if c.OTLP != nil && c.HQ != nil {
		errs = append(errs, ErrTwoDestinations)
	}
	if c.HQ != nil && !c.named() {
		field("ApplicationName", fmt.Errorf("%w: HQ takes no upload without it", ErrMissingKey))
	}
	return errors.Join(errs...)
}

// named reports whether the resource will have a service.name.
func (c *Config) named() bool {
	if c.ApplicationName != "" {
		return true
	}
	name, ok := exporter.SubtractEnvironment(c.Resource).Set().Value(semconv.ServiceNameKey)
	return ok && name.AsString() != ""
}

// checkPath sees to it that there is a place for the mirror, if one is needed.
func (c *Config) checkPath() error {
	switch {
	case strings.ContainsRune(c.FilePath, 0):
		return fmt.Errorf("%w: there is a NUL byte in it", ErrBadValue)
	case c.FilePath != "" || c.Disabled:
		return nil
	case c.ApplicationName == "":
		return fmt.Errorf("%w, and so is an ApplicationName to find a place by", ErrMissingKey)
	}
	if _, err := localstore.DefaultPath(c.ApplicationName); err != nil {
		return fmt.Errorf("%w: %w", ErrBadValue, err)
	}
	return nil
}

// checkRotation refuses ids that cannot be changed.
func (c *Config) checkRotation() error {
	switch err := checkInterval(c.InstallationRotation); {
	case err != nil || c.InstallationRotation == 0:
		return err
	case c.HQ != nil:
		return fmt.Errorf("%w: %w", ErrBadValue, exporter.ErrNeedsID)
	case c.InstallationID != "":
		return fmt.Errorf("%w: an InstallationID is given, which is never changed", ErrBadValue)
	}
	return nil
}

// checkInterval takes a duration that code gives, where zero is the default.
func checkInterval(d time.Duration) error {
	switch {
	case d < 0:
		return fmt.Errorf("%w: %v is negative", ErrBadValue, d)
	case d > maxInterval:
		return fmt.Errorf("%w: %v is more than ten years", ErrBadValue, d)
	}
	return nil
}

// checkText does not quote the text, which may be secret.
func checkText(s string) error {
	switch {
	case !utf8.ValidString(s):
		return fmt.Errorf("%w: %w", ErrBadValue, ErrNotText)
	case strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("%w: there is a line break or another control character in it", ErrBadValue)
	}
	return nil
}

func checkInstallationID(id string) error {
	if utf8.RuneCountInString(id) > maxInstallationID {
		return fmt.Errorf("%w: longer than %d characters", ErrBadValue, maxInstallationID)
	}
	return checkText(id)
}
