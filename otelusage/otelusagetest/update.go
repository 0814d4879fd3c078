package otelusagetest

import (
	"flag"
	"os"
	"strconv"
	"strings"
)

// updateFlag is how the flag -update arrives here. Many test packages define a flag
// of that name themselves, after this package was initialized, and a flag cannot be
// defined twice. So this package defines another one, lets it take the other's place
// on the command line, and hands it on when the line is read.
const updateFlag = "otelusagetest.update"

var update updateValue

func init() {
	flag.Var(&update, updateFlag, "write the documents of otelusagetest.Plan; -update does, too")
	takePlace(os.Args)
}

// takePlace changes -update to this package's flag.
func takePlace(args []string) {
	for i := 1; i < len(args); i++ {
		name := strings.TrimPrefix(strings.TrimPrefix(args[i], "-"), "-")
		switch {
		case args[i] == "--":
			return
		case name == args[i]: // no flag
		case name == "update", strings.HasPrefix(name, "update="):
			args[i] = "-" + updateFlag + strings.TrimPrefix(name, "update")
		}
	}
}

// updateValue is a boolean flag that also sets the caller's.
type updateValue bool

func (v *updateValue) String() string   { return strconv.FormatBool(v != nil && bool(*v)) }
func (v *updateValue) IsBoolFlag() bool { return true }

func (v *updateValue) Set(text string) error {
	set, err := strconv.ParseBool(text)
	if err != nil {
		return err
	}
	*v = updateValue(set)
	if flag.Lookup("update") == nil {
		return nil
	}
	return flag.Set("update", text)
}

// updating reports whether either flag is set.
func updating() bool {
	if update {
		return true
	}
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}
