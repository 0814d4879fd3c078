package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority is a certificate authority of one's own, and the files of a server
// it vouches for.
type authority struct {
	pool *x509.CertPool
	env  []string // names the files to overlays/tls.yaml
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "own authority"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	root, err := x509.ParseCertificate(der)
	must(t, err)

	serverKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	server := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "collector"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotBefore: template.NotBefore, NotAfter: template.NotAfter}
	leaf, err := x509.CreateCertificate(rand.Reader, server, root, serverKey.Public(), key)
	must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(serverKey)
	must(t, err)

	a := authority{pool: x509.NewCertPool()}
	a.pool.AddCert(root)
	dir := t.TempDir()
	for variable, block := range map[string]*pem.Block{
		"OTELUSAGE_TLS_CERTIFICATE": {Type: "CERTIFICATE", Bytes: leaf},
		"OTELUSAGE_TLS_KEY":         {Type: "PRIVATE KEY", Bytes: secret},
	} {
		file := filepath.Join(dir, variable+".pem")
		must(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
		a.env = append(a.env, variable+"="+file)
	}
	return a
}
