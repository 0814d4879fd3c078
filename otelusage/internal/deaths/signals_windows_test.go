package deaths

const hasSignals = false
