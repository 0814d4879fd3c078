package consent

import "time"

// Consent says what holds for this installation, as stored in its mirror and
// the decision file beside it, the stricter of the two. What a process's own
// environment and configuration forbid comes on top of it: see [Circumstances].
type Consent struct {
	Mode      Mode
	ShouldAsk bool      // consent is required and nobody was asked yet
	Sending   bool      // whether anything may be sent
	Reason    string    // why, for people
	Since     time.Time // when the mode was set; zero when it never was
}
