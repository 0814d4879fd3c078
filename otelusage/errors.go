package otelusage

import "errors"

var (
	// ErrConflict is returned when a name is declared again as something
	// else: another kind, number type, monotonicity, unit, checkpoint list or
	// spelling (a space for an underscore). It is also returned for a name that a
	// receiver cannot tell from that of another trackable, and then suggests one that
	// is free: Prometheus makes save_file of save.file and of save-file, and has
	// session_seconds_sum of a Timer session. The error names package, file and line
	// of both declarations.
	ErrConflict = errors.New("conflicting declaration")

	// ErrInvalidName is returned for a name that OpenTelemetry does not
	// accept, that this package reserves, or that a receiver has for something else,
	// such as target_info. The error suggests a valid one.
	ErrInvalidName = errors.New("invalid name")

	// ErrInvalidValue is returned or reported for a value that is refused: a
	// unit, state or checkpoint that is too long or malformed, a number that
	// is not finite, a negative amount where only positive ones count.
	ErrInvalidValue = errors.New("invalid value")

	// ErrUndeclared is reported for what is not among the values, states or keys
	// that were declared: see [WithValues], [WithStates], [WithKeys] and
	// [DeclaredOnly]. The error does not say what it was.
	ErrUndeclared = errors.New("undeclared value")

	// ErrAttached is returned by [Tracker.Attach] when it was called before.
	ErrAttached = errors.New("tracker is already attached")

	// ErrClosed is returned for a declaration or Attach after
	// [Tracker.Close].
	ErrClosed = errors.New("tracker is closed")

	// ErrLifetimeUnknown is reported when a Statistic is Set although its
	// history could not be read: the difference to add is unknown.
	ErrLifetimeUnknown = errors.New("lifetime is unknown")
)

var errNilTracker = errors.New("tracker is nil")
