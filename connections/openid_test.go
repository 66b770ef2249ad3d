package connections

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/store"
)

// TestDiscoverySaysWhatWentWrong: each way in which an issuer cannot be asked has words of its own; the honest twin is read.
func TestDiscoverySaysWhatWentWrong(t *testing.T) {
	guard, err := outbound.New(outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	closed, err := outbound.New(outbound.Options{})
	if err != nil {
		t.Fatal(err)
	}
	serve := func(status int, body string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	plain, secure := serve(http.StatusOK, "{}"), httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing := "http://" + gone.Addr().String()
	_ = gone.Close()
	honest := idptest.NewOpenID(t).Issuer
	for name, c := range map[string]struct {
		issuer, says string
		guard        *outbound.Guard
	}{
		"honest":               {honest, "", guard},
		"its document's":       {honest + "/.well-known/openid-configuration", "", guard},
		"with what follows":    {honest + "/.well-known/openid-configuration?appid=7", "", guard},
		"no such name":         {"https://idp.invalid", "the DNS", guard},
		"nothing listens":      {refusing, "refused", guard},
		"not found":            {serve(http.StatusNotFound, ""), "status 404", guard},
		"a fault of theirs":    {serve(http.StatusBadGateway, ""), "status 502", guard},
		"a web page":           {serve(http.StatusOK, "<!doctype html>"), "not JSON", guard},
		"another JSON":         {serve(http.StatusOK, `{"keys":[]}`), "does not name its issuer", guard},
		"another issuer":       {serve(http.StatusOK, `{"issuer":"https://other.test/"}`), "exactly so: https://other.test/", guard},
		"too long":             {serve(http.StatusOK, strings.Repeat(" ", 1<<20+1)), "larger than 1 MiB", guard},
		"an unknown authority": {secure.URL, "authority that is not trusted", guard},
		"no TLS":               {"https" + strings.TrimPrefix(plain, "http"), "without TLS", guard},
		"a private address":    {honest, "private network that the operator has not allowed", closed},
	} {
		t.Run(name, func(t *testing.T) {
			var settings store.OIDCSettings
			err, _ := Discover(t.Context(), c.guard, &settings, c.issuer)
			if said := problem(err, "issuer"); c.says == "" && (err != nil || settings.Issuer != honest) || !strings.Contains(said, c.says) {
				t.Errorf("says %q (%v), not %q", said, err, c.says)
			}
		})
	}
}
