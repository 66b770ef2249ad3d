package outbound

import (
	"net"
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// nameServer is a real DNS server on loopback that knows one zone, and counts nothing it was not asked for by its full name.
func nameServer(t *testing.T) string {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	server := &dns.Server{PacketConn: socket, NotifyStartedFunc: func() { close(started) }, Handler: dns.HandlerFunc(answer)}
	go func() { _ = server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = server.Shutdown() })
	return socket.LocalAddr().String()
}

func answer(w dns.ResponseWriter, question *dns.Msg) {
	reply := new(dns.Msg).SetReply(question)
	reply.Authoritative = true
	switch question.Question[0].Name {
	case "_gatehouse-challenge.example.com.":
		for _, texts := range [][]string{{"one"}, {"two ", "halves"}} {
			reply.Answer = append(reply.Answer, &dns.TXT{Hdr: dns.RR_Header{Name: question.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: texts})
		}
	case "empty.example.com.":
	case "broken.example.com.":
		reply.Rcode = dns.RcodeServerFailure
	default:
		reply.Rcode = dns.RcodeNameError
	}
	_ = w.WriteMsg(reply)
}

func TestD05_TXT(t *testing.T) {
	g := guard(t, Options{DNS: nameServer(t)})
	for _, name := range []string{"_gatehouse-challenge.example.com", "_gatehouse-challenge.example.com."} {
		records, err := g.TXT(t.Context(), name)
		slices.Sort(records)
		if err != nil || !slices.Equal(records, []string{"one", "two halves"}) {
			t.Errorf("%s: %q, %v", name, records, err)
		}
	}
	for _, name := range []string{"missing.example.com", "empty.example.com"} {
		if records, err := g.TXT(t.Context(), name); err != nil || len(records) != 0 {
			t.Errorf("%s: %q, %v; that there is none is known", name, records, err)
		}
	}
	if _, err := g.TXT(t.Context(), "broken.example.com"); err == nil {
		t.Error("a server that fails was taken for one that knows of no record")
	}
}
