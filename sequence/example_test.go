package sequence_test

import (
	"errors"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/sequence"
)

func Example() {
	s, err := sequence.New("open", "edit", "save")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, checkpoint := range []string{"edit", "open", "edit", "save"} {
		completed, _ := s.Hit(checkpoint)
		fmt.Println(checkpoint, completed, s.Reached())
	}
	fmt.Println("completions:", s.Completions())
	// Output:
	// edit false [edit]
	// open false [edit open]
	// edit false [edit open edit]
	// save true []
	// completions: 1
}

func ExampleSequence_AdvanceTo() {
	s, _ := sequence.New("A", "B", "C", "D")
	completed, _ := s.AdvanceTo("C")
	fmt.Println(completed, s.Reached())
	fmt.Println(s.RemoveLast())
	// Output:
	// false [A B C]
	// C true
}

func ExampleSequence_Hit_invalid() {
	s, _ := sequence.New("A", "B")
	_, err := s.Hit("Z")
	fmt.Println(err, errors.Is(err, sequence.ErrInvalidCheckpoint))
	// Output: invalid checkpoint: "Z" true
}
