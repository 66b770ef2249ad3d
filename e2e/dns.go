package e2e

import (
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// DNS is a real name server on loopback whose TXT records a test sets while
// it runs. It answers NXDOMAIN for names that it does not know.
type DNS struct {
	Address string // 127.0.0.1:port, for GATEHOUSE_DNS

	mu      sync.Mutex
	records map[string][]string
	broken  map[string]bool
	asked   map[string]int
}

// StartDNS starts a name server on UDP and TCP that ends with the test.
func StartDNS(t testing.TB) *DNS {
	t.Helper()
	d := &DNS{
		Address: "127.0.0.1:" + freePort(t),
		records: map[string][]string{}, broken: map[string]bool{}, asked: map[string]int{},
	}
	for _, network := range []string{"udp", "tcp"} {
		ready := make(chan struct{})
		server := &dns.Server{Addr: d.Address, Net: network, Handler: dns.HandlerFunc(d.answer), NotifyStartedFunc: func() { close(ready) }}
		failed := make(chan error, 1)
		go func() { failed <- server.ListenAndServe() }()
		select {
		case <-ready:
			t.Cleanup(func() { _ = server.Shutdown() })
		case err := <-failed:
			t.Fatalf("start DNS on %s %s: %v", network, d.Address, err)
		}
	}
	return d
}

// Set makes the name have these TXT records and no others; none removes it.
func (d *DNS) Set(name string, texts ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name = canonicalName(name)
	delete(d.broken, name)
	d.records[name] = texts
	if len(texts) == 0 {
		delete(d.records, name)
	}
}

// Break makes every question about the name fail with SERVFAIL until it is
// set again.
func (d *DNS) Break(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken[canonicalName(name)] = true
}

// Asked returns how often the name was asked for, of any type.
func (d *DNS) Asked(name string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked[canonicalName(name)]
}

func (d *DNS) answer(w dns.ResponseWriter, request *dns.Msg) {
	reply := new(dns.Msg)
	if len(request.Question) != 1 {
		_ = w.WriteMsg(reply.SetRcode(request, dns.RcodeFormatError))
		return
	}
	question := request.Question[0]
	reply.SetReply(request)
	reply.Authoritative = true

	d.mu.Lock()
	name := canonicalName(question.Name)
	d.asked[name]++
	texts, known := d.records[name]
	switch {
	case d.broken[name]:
		reply.Rcode = dns.RcodeServerFailure
	case !known:
		reply.Rcode = dns.RcodeNameError
	case question.Qtype == dns.TypeTXT:
		for _, text := range texts {
			header := dns.RR_Header{Name: question.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 1}
			reply.Answer = append(reply.Answer, &dns.TXT{Hdr: header, Txt: []string{text}})
		}
	}
	d.mu.Unlock()
	_ = w.WriteMsg(reply) // the asker has gone: nothing to do
}

func canonicalName(name string) string { return strings.ToLower(dns.Fqdn(name)) }
