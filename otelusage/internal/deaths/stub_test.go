package deaths

func runUntilKilled(program) {}
func recoverForEver(program) {}
