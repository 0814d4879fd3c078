//go:build unix

package localstore

import (
	"os"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/decision"
)

// TestADecisionBehindALinkThatLeadsNowhereSendsNothing: what it led to said
// something, and may not be mounted now.
func TestADecisionBehindALinkThatLeadsNowhereSendsNothing(t *testing.T) {
	path := newPath(t)
	s := open(t, path, newClock())
	if err := os.Symlink(path+".elsewhere", path+decision.Suffix); err != nil {
		t.Fatal(err)
	}
	if c := consentOf(t, s); c.Sending || !strings.Contains(c.Reason, "leads nowhere") {
		t.Errorf("consent is %+v", c)
	}
	closeStore(t, s)
}
