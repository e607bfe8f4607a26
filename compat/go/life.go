package main

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"time"

	"golang.ngrok.com/ngrok/v2"
)

func (s *server) echoesAt(endpoint *url.URL) func() error {
	return func() error {
		conn, err := s.dialTCP(endpoint)
		if err != nil {
			return err
		}
		defer conn.Close()
		return echoes(conn, "echo")
	}
}

var lifeTests = []test{
	{"a cut connection is resumed with the same ids and urls", func(b *bench) {
		through := b.cut(b.server.info.HTTPS)
		connected := make(chan string, 8)
		agent := b.agent(b.server, ngrok.WithAgentConnectURL(through.address()), ngrok.WithEventHandler(func(event ngrok.Event) {
			if on, ok := event.(*ngrok.EventAgentConnectSucceeded); ok {
				connected <- on.Session.ID()
			}
		}))
		<-connected
		session, err := agent.Session()
		b.no(err, "session")
		web := b.web(agent, b.service("").address)
		raw := b.forward(agent, ngrok.WithUpstream("tcp://"+b.tcpService(nil)), ngrok.WithURL("tcp://"))
		before := fmt.Sprint(session.ID(), web.ID(), web.URL(), raw.ID(), raw.URL())
		for range 2 {
			through.now()
			// No polling for "online": a visitor may come at once and waits until the endpoint is back.
			b.no(served(b.server, web.URL().String()), "during the return")
			select {
			case <-connected:
			case <-time.After(10 * time.Second):
				b.fail("the agent does not return")
			}
			b.eventually(5*time.Second, "the tcp endpoint is back on its port", b.server.echoesAt(raw.URL()))
		}
		session, err = agent.Session()
		b.no(err, "session")
		after := fmt.Sprint(session.ID(), web.ID(), web.URL(), raw.ID(), raw.URL())
		b.check(before == after, "%s became %s", before, after)
	}},
	{"a killed server comes back with the same urls", func(b *bench) {
		s, err := startServer()
		b.no(err, "a server")
		b.cleanup(s.close)
		agent := b.agent(s)
		upstream := b.service("")
		var web []string
		for range 5 {
			web = append(web, b.web(agent, upstream.address).URL().String())
		}
		raw := b.forward(agent, ngrok.WithUpstream("tcp://"+b.tcpService(nil)), ngrok.WithURL("tcp://"))
		for _, one := range web {
			b.no(served(s, one), one)
		}
		s.kill()
		began := time.Now()
		b.no(s.start(), "the server again")
		for _, one := range web {
			b.eventually(10*time.Second, one+" is back", func() error { return served(s, one) })
		}
		b.eventually(10*time.Second, raw.URL().String()+" is back", s.echoesAt(raw.URL()))
		b.check(time.Since(began) < 10*time.Second, "it took %v", time.Since(began))
	}},
	{"a drain lets a download complete", func(b *bench) {
		s, err := startServer()
		b.no(err, "a server")
		b.cleanup(s.close)
		upstream := b.service("")
		endpoint := b.web(b.agent(s), upstream.address)
		response, err := s.client().Get(endpoint.URL().String() + "/halves")
		b.no(err, "get")
		defer response.Body.Close()
		want, _ := digestOf(newBlocks(2))
		first := make([]byte, early)
		_, err = io.ReadFull(response.Body, first)
		b.no(err, "first half")
		s.terminate()
		b.eventually(5*time.Second, "the drain begins", s.draining)
		upstream.release()
		got, err := digestOf(io.MultiReader(bytes.NewReader(first), response.Body))
		b.check(err == nil && got == want, "the whole: %v", err)
		select {
		case <-s.ended:
			b.check(s.command.ProcessState.Success(), "the server ended with %v", s.command.ProcessState)
		case <-time.After(15 * time.Second):
			b.fail("the server does not end")
		}
	}},
}
