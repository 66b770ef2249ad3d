package demo

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/miekg/dns"
	"golang.org/x/sync/errgroup"
)

// NameServer stands for the DNS of the demonstration's domain: it answers TXT
// questions on loopback with what was published in it, and nothing else.
type NameServer struct {
	mu    sync.Mutex
	texts map[string][]string
}

// Publish adds a TXT record, as the owner of a domain does at its registrar.
func (s *NameServer) Publish(name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.texts == nil {
		s.texts = map[string][]string{}
	}
	name = strings.ToLower(dns.Fqdn(name))
	s.texts[name] = append(s.texts[name], text)
}

// Serve answers on the two listeners, which have the same address, until the
// context ends. It closes them.
func (s *NameServer) Serve(ctx context.Context, packets net.PacketConn, streams net.Listener) error {
	servers := []*dns.Server{
		{PacketConn: packets, Handler: dns.HandlerFunc(s.answer)},
		{Listener: streams, Handler: dns.HandlerFunc(s.answer)},
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, server := range servers {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		group.Go(server.ActivateAndServe)
		group.Go(func() error {
			<-ctx.Done()
			<-started
			return server.Shutdown()
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("demo name server: %w", err)
	}
	return nil
}

func (s *NameServer) answer(w dns.ResponseWriter, request *dns.Msg) {
	reply := new(dns.Msg)
	if len(request.Question) != 1 {
		_ = w.WriteMsg(reply.SetRcode(request, dns.RcodeFormatError))
		return
	}
	question := request.Question[0]
	reply.SetReply(request)
	reply.Authoritative = true
	s.mu.Lock()
	texts, known := s.texts[strings.ToLower(question.Name)]
	s.mu.Unlock()
	if !known {
		reply.Rcode = dns.RcodeNameError
	}
	for _, text := range texts {
		if question.Qtype == dns.TypeTXT {
			header := dns.RR_Header{Name: question.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 1}
			reply.Answer = append(reply.Answer, &dns.TXT{Hdr: header, Txt: []string{text}})
		}
	}
	_ = w.WriteMsg(reply) // the asker has gone: nothing to do
}
