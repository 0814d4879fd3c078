package hq

import (
	"errors"

	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// What a server can answer, wrapped in the [*outcome.Error] of [Exporter.Export].
var (
	// ErrUnknownKey means that HQ does not know the API key ("Upload failed").
	ErrUnknownKey = errors.New("HQ does not know the API key")

	// ErrMissingKey means that HQ found no API key in the upload.
	ErrMissingKey = errors.New("HQ found no API key in the upload")

	// ErrNoGroup means that the owner of the API key is in no group at HQ.
	ErrNoGroup = errors.New("the owner of the API key belongs to no group at HQ")

	// ErrUnexpectedAnswer means that something answered, but not as HQ does.
	ErrUnexpectedAnswer = errors.New("the answer is not one of HQ's")

	// ErrServer means HTTP 500. HQ answers so to what it cannot read, and, if its
	// init_db.py made the tables, to the second version of an application: the
	// name is unique there. Such a server has to drop that constraint, as its
	// migration scripts do.
	ErrServer = errors.New("HQ failed on the upload")

	// ErrUnavailable means HTTP 408, 429, or 5xx other than 500.
	ErrUnavailable = errors.New("HQ is busy or down")

	// ErrRedirect means that the server redirects, which is not followed.
	ErrRedirect = errors.New("HQ redirects")

	// ErrRejected means any other HTTP 4xx.
	ErrRejected = errors.New("HQ rejected the upload")
)

// Errors that are found before anything is sent. [Exporter.Export] and [Encode]
// wrap them in an [*outcome.Error].
var (
	// ErrVersion means an application version that HQ cannot parse. It looks
	// for [0-9][\s.A-z]*[0-9] anywhere in it: 1.0, 1.0.0-beta, v2.3, 42 and
	// r123 have that; 1, dev, v5-rc1, 1-0 and 1,0 do not.
	ErrVersion = errors.New("HQ cannot parse the application version")

	// ErrNoInstallationID means a resource without app.installation.id.
	ErrNoInstallationID = errors.New("the resource has no app.installation.id")

	// ErrNoApplicationName means a resource without service.name.
	ErrNoApplicationName = errors.New("the resource has no service.name")

	// ErrData means data that cannot be uploaded: nil, deltas, numbers that are
	// not finite, or another aggregation than the trackable's kind has.
	ErrData = errors.New("the data cannot be uploaded to HQ")
)

// errNotMade is what a nil or zero Exporter answers.
var errNotMade = errors.New("the HQ exporter was not made by hq.New")

// unsendable is the outcome of an upload that was not made.
func unsendable(cause error, reason string) *outcome.Error {
	return &outcome.Error{Class: outcome.Refused, Reason: reason, Err: cause}
}
