package otelusage

// DeclareElsewhere declares in another package than place_test.go does.
func DeclareElsewhere(t *Tracker, name string) error {
	_, err := t.Timer(name, WithDescription("elsewhere"))
	return err
}
