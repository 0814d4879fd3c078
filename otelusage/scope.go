package otelusage

import "go.opentelemetry.io/otel/attribute"

const (
	// ScopeName is the instrumentation scope of every instrument this package
	// creates. It equals the import path.
	ScopeName = "github.com/anonymoususage/anonymoususage-go/otelusage"

	// Version is the instrumentation scope version. It changes only when the
	// meaning of what is reported changes: the scope version is part of a
	// stream's identity, so a new one starts new streams at the receiver.
	Version = "1.0.0"
)

const (
	// KindKey is the scope attribute that says which kind of trackable an
	// instrument belongs to; its values are those of [Kind.String].
	KindKey = attribute.Key("otelusage.kind")

	// StateKey is the data point attribute of a State: the value it has, or,
	// on its changes, the value it entered. It is absent for [NoState].
	StateKey = attribute.Key("state")

	// CheckpointKey is the data point attribute of a Sequence's checkpoint
	// hits.
	CheckpointKey = attribute.Key("checkpoint")

	// OverflowKey marks the one series that takes in every attribute set
	// beyond [MaxSeries], as the OpenTelemetry SDK does it.
	OverflowKey = attribute.Key("otel.metric.overflow")
)

const (
	// ChangesSuffix ends the name of the counter of entries into each state.
	ChangesSuffix = ".changes"

	// OccupancySuffix ends the name of the metric that says how many
	// installations are in each state. It is derived at submission.
	OccupancySuffix = ".occupancy"

	// CheckpointsSuffix ends the name of the counter of hits per checkpoint.
	CheckpointsSuffix = ".checkpoints"

	// ReservedPrefix begins names that only this module uses.
	ReservedPrefix = "otelusage."
)

const (
	// MaxSeries is the number of attribute sets that have a series of their
	// own, per trackable, in first-come order. Further sets share one overflow
	// series. Together that is 2,000, the SDK's own limit: so the SDK never
	// chooses an overflow of its own, which would depend on the order.
	MaxSeries = 1999

	// MaxNameLength is the longest name of a trackable, in bytes. It leaves
	// room for the longest suffix within OpenTelemetry's 255.
	MaxNameLength = 255 - len(CheckpointsSuffix)

	// MaxTextLength is the longest state, checkpoint or attribute value, in
	// bytes. Longer ones are refused (states, checkpoints) or cut at a
	// character (attribute values).
	MaxTextLength = 1024

	// MaxCheckpoints is the largest number of checkpoints in a Sequence.
	MaxCheckpoints = 1000
)
