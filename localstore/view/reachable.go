package view

import "net"

// reachable returns the address under which a browser reaches a listener at a. For
// all interfaces it is one of this machine's addresses, because browsers cannot
// open 0.0.0.0.
func reachable(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return a.String()
	}
	at := *tcp
	at.IP, at.Zone = ownAddress(tcp.IP.To4() != nil), ""
	return at.String()
}

// ownAddress returns the first address of this machine that others can reach,
// IPv4 before IPv6, or loopback if there is none.
func ownAddress(onlyIPv4 bool) net.IP {
	var other net.IP
	addresses, _ := net.InterfaceAddrs() // in the order of the interfaces
	for _, a := range addresses {
		n, ok := a.(*net.IPNet)
		switch {
		case !ok || !n.IP.IsGlobalUnicast():
		case n.IP.To4() != nil:
			return n.IP
		case other == nil && !onlyIPv4:
			other = n.IP
		}
	}
	if other != nil {
		return other
	}
	return net.IPv4(127, 0, 0, 1)
}
