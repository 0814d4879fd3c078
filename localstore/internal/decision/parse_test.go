package decision

import (
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
)

func TestParseDecision(t *testing.T) {
	for text, want := range map[string]consent.Mode{
		"off": consent.ModeOff, "local\n": consent.ModeLocal, "on\n": consent.ModeOn, "  ON \r\n": consent.ModeOn, "\uFEFFOff\r\n": consent.ModeOff,
		"# set by the administrator\n\nlocal # see the policy\n": consent.ModeLocal, "local\r": consent.ModeLocal,
		"\xff\xfeo\x00n\x00\r\x00\n\x00": consent.ModeOn, "\xff\xfeO\x00F\x00F\x00": consent.ModeOff, "\xfe\xff\x00o\x00f\x00f": consent.ModeOff,
	} {
		if mode, ok := parse(text); !ok || mode != want {
			t.Errorf("%q is %v, %v, want %v", text, mode, ok, want)
		}
	}
	for _, text := range []string{"", "\n", "# on", "unset", "yes", "on off", "on\noff\n", "o\x00n", "on\x00", "on\x00\n",
		"o\x00n\x00", "\xff\xfeo\x00n", "\xff\xfe", "\xfe\xffo\x00n\x00", strings.Repeat("\x00", 4), "\"on\"", "on=1", "\uFEFF\uFEFFon", "ｏｎ"} {
		if mode, ok := parse(text); ok {
			t.Errorf("%q is taken for %v", text, mode)
		}
	}
}
