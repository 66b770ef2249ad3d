package oidc

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// Status is an answer of the other side that is none: its status.
type Status struct {
	Host string
	Code int
}

func (s *Status) Error() string { return fmt.Sprintf("%s answers with status %d", s.Host, s.Code) }

// Unreachable says in a few words why a call brought no answer that can be used, "" where nothing is known but that. It tells what the other
// side's admin can look for and nothing of the network behind us.
func Unreachable(err error) string {
	var (
		status  *Status
		name    *net.DNSError
		timeout interface{ Timeout() bool }
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		plain   tls.RecordHeaderError
		failed  *tls.CertificateVerificationError
		alert   tls.AlertError
	)
	switch {
	case errors.As(err, &status):
		return strings.TrimSpace(fmt.Sprintf("an answer of status %d %s", status.Code, http.StatusText(status.Code)))
	case errors.As(err, &name) && name.IsNotFound:
		return "a host name that the DNS does not know"
	case errors.As(err, &name):
		return "a host name that the DNS did not answer for"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer within 5 seconds"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "a connection that was refused: nothing listens there"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "a host to which no way leads"
	case errors.As(err, &plain), errors.Is(err, http.ErrSchemeMismatch):
		return "an answer without TLS"
	case errors.As(err, &unknown):
		return "a TLS certificate of an authority that is not trusted here"
	case errors.As(err, &host):
		return "a TLS certificate of another host"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "a TLS certificate that is not valid today"
	case errors.As(err, &failed), errors.As(err, &alert), errors.As(err, &invalid):
		return "a TLS connection that could not be made"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "a connection that was cut off"
	}
	return ""
}
