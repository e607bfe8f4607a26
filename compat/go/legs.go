package main

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.ngrok.com/ngrok/v2"
)

// twoPlaces is a server that tells its agents two addresses, each of which can be cut.
func (b *bench) twoPlaces() (*server, [2]*cut) {
	s, err := startServer()
	b.no(err, "a server")
	b.cleanup(s.close)
	places := [2]*cut{b.cut(s.info.HTTPS), b.cut(s.info.HTTPS)}
	s.terminate()
	<-s.ended
	s.env = []string{fmt.Sprintf(`ADIT_SERVER__AGENTS__CONNECT_ADDRESSES=["%s", "%s"]`, places[0].address(), places[1].address())}
	b.no(s.start(), "the server again")
	return s, places
}

// legs says nil when the session has so many connections.
func (b *bench) legs(s *server, id string, want int) func() error {
	return func() error {
		status, session := b.apiOf(s, "GET", "/adit/tunnel_sessions/"+id)
		if status != 200 {
			return fmt.Errorf("status %d: %v", status, session)
		}
		if legs := session["legs"].([]any); len(legs) != want {
			return fmt.Errorf("%d legs", len(legs))
		}
		return nil
	}
}

// load is visitors that ask without a break.
type load struct {
	served atomic.Int64
	failed atomic.Pointer[error]
	stop   chan struct{}
	done   sync.WaitGroup
}

func (b *bench) load(s *server, url string) *load {
	l := &load{stop: make(chan struct{})}
	for range 8 {
		l.done.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				got, err := s.fetch(url)
				if err == nil && got.status != 200 {
					err = fmt.Errorf("status %d: %.300s", got.status, got.body)
				}
				if err != nil {
					l.failed.CompareAndSwap(nil, &err)
					return
				}
				l.served.Add(1)
			}
		})
	}
	return l
}

// more waits until so many requests more were served.
func (b *bench) more(l *load, n int64) {
	from := l.served.Load()
	b.eventually(20*time.Second, "requests go on", func() error {
		if failed := l.failed.Load(); failed != nil {
			b.fail("a request failed: %v", *failed)
		}
		if l.served.Load() < from+n {
			return errors.New("too few")
		}
		return nil
	})
}

var legTests = []test{
	{"two legs carry one session and either may be cut under load", func(b *bench) {
		s, places := b.twoPlaces()
		agent := b.agent(s, ngrok.WithMultiLeg(true), ngrok.WithAgentConnectURL(places[0].address()))
		endpoint := b.web(agent, b.service("").address)
		id := b.session(agent)
		b.eventually(10*time.Second, "two legs", b.legs(s, id, 2))
		b.check(places[1].accepted.Load() == 1, "%d connections at the second address", places[1].accepted.Load())
		visitors := b.load(s, endpoint.URL().String())
		for n, place := range []*cut{places[0], places[1]} {
			b.more(visitors, 100)
			before := place.accepted.Load()
			place.now()
			b.more(visitors, 100)
			b.eventually(20*time.Second, fmt.Sprintf("leg %d is back", n), func() error {
				if place.accepted.Load() == before {
					return errors.New("no new connection")
				}
				return b.legs(s, id, 2)()
			})
		}
		b.more(visitors, 100)
		close(visitors.stop)
		visitors.done.Wait()
		if failed := visitors.failed.Load(); failed != nil {
			b.fail("a request failed: %v", *failed)
		}
		b.check(b.session(agent) == id, "another session: %s", b.session(agent))
	}},
	{"one unbind ends an endpoint on both legs", func(b *bench) {
		s, places := b.twoPlaces()
		agent := b.agent(s, ngrok.WithMultiLeg(true), ngrok.WithAgentConnectURL(places[0].address()))
		first, second := b.web(agent, b.service("").address), b.web(agent, b.service("").address)
		b.eventually(10*time.Second, "two legs", b.legs(s, b.session(agent), 2))
		b.no(first.Close(), "close")
		b.eventually(5*time.Second, "offline", s.offline(first.URL()))
		// Not on the other leg alone, either.
		places[0].now()
		b.check(b.fetch(s, second.URL().String()).status == 200, "the other endpoint is gone")
		b.no(s.offline(first.URL())(), "still offline")
	}},
	{"a stopped endpoint is told on one of two legs", func(b *bench) {
		s, places := b.twoPlaces()
		agent := b.agent(s, ngrok.WithMultiLeg(true), ngrok.WithAgentConnectURL(places[0].address()))
		listener := b.listen(agent)
		b.eventually(10*time.Second, "two legs", b.legs(s, b.session(agent), 2))
		ended := make(chan error, 1)
		go func() {
			_, err := listener.Accept()
			ended <- err
		}()
		status, list := b.apiOf(s, "GET", "/endpoints?url="+listener.URL().String())
		b.check(status == 200, "%d %v", status, list)
		id := list["endpoints"].([]any)[0].(map[string]any)["id"].(string)
		status, got := b.apiOf(s, "POST", "/adit/endpoints/"+id+"/disable")
		b.check(status == 204, "%d %v", status, got)
		b.refusedWith("ERR_ADIT_1210", <-ended)
	}},
}
