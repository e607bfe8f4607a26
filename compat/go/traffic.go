package main

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/websocket"
)

const (
	bodyMiB = 100
	atOnce  = 4
)

// together runs n of them at once and gives their errors.
func together(n int, one func() error) error {
	var group sync.WaitGroup
	failures := make([]error, n)
	for i := range n {
		group.Go(func() { failures[i] = one() })
	}
	group.Wait()
	return errors.Join(failures...)
}

var trafficTests = []test{
	{"four downloads of 100 mib at once are equal", func(b *bench) {
		endpoint := b.web(b.agent(b.server), b.service("").address).URL().String()
		want, _ := digestOf(newBlocks(bodyMiB))
		b.no(together(atOnce, func() error {
			response, err := b.server.client().Get(fmt.Sprintf("%s/mib/%d", endpoint, bodyMiB))
			if err != nil {
				return err
			}
			defer response.Body.Close()
			got, err := digestOf(response.Body)
			if err == nil && got != want {
				err = errors.New("the bytes differ")
			}
			return err
		}), "downloads")
	}},
	{"four uploads of 100 mib at once are equal", func(b *bench) {
		endpoint := b.web(b.agent(b.server), b.service("").address).URL().String()
		want, _ := digestOf(newBlocks(bodyMiB))
		b.no(together(atOnce, func() error {
			request, err := http.NewRequest("POST", endpoint, newBlocks(bodyMiB))
			if err != nil {
				return err
			}
			request.ContentLength = bodyMiB * mib
			response, err := b.server.client().Do(request)
			if err != nil {
				return err
			}
			defer response.Body.Close()
			got, err := io.ReadAll(response.Body)
			if err == nil && string(got) != want {
				err = fmt.Errorf("%d %.200q for %s", response.StatusCode, got, want)
			}
			return err
		}), "uploads")
	}},
	{"websocket echo of 10 mb", func(b *bench) {
		endpoint := b.web(b.agent(b.server), b.service("").address).URL()
		conn := b.websocket(endpoint)
		defer conn.Close()
		var messages [][]byte
		for _, size := range []int{1, 125, 126, 65_535, 65_536} {
			messages = append(messages, make([]byte, size))
		}
		for range 10 {
			messages = append(messages, make([]byte, 1_000_000))
		}
		for _, message := range messages {
			rand.Read(message)
		}
		sent := make(chan error, 1)
		go func() {
			for _, message := range messages {
				if err := websocket.Message.Send(conn, message); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		for i, message := range messages {
			var got []byte
			b.no(websocket.Message.Receive(conn, &got), "receive")
			b.check(bytes.Equal(got, message), "message %d differs", i)
		}
		b.no(<-sent, "send")
	}},
	{"200 visitors at once are all served", func(b *bench) {
		endpoint := b.web(b.agent(b.server), b.service("").address).URL().String()
		b.no(together(200, func() error { return served(b.server, endpoint) }), "visitors")
	}},
	{"200 visitors at once are all served by a slow accept loop", func(b *bench) {
		// Nobody accepts until all have come: more than the SDK's backlog of 128.
		listener := b.listen(b.agent(b.server))
		var come sync.WaitGroup
		come.Add(200)
		all := make(chan error, 1)
		go func() {
			all <- together(200, func() error { come.Done(); return served(b.server, listener.URL().String()) })
		}()
		come.Wait()
		s := newService("late")
		go s.server.Serve(listener)
		b.cleanup(func() { s.server.Close() })
		b.no(<-all, "visitors")
	}},
	{"an agent killed in mid response breaks the message", func(b *bench) {
		other := b.process(b.service("").address)
		response, err := b.server.client().Get(other.URLs.HTTP + "/halves")
		b.no(err, "get")
		defer response.Body.Close()
		_, err = io.CopyN(io.Discard, response.Body, early)
		b.no(err, "first half")
		other.kill()
		rest, err := io.Copy(io.Discard, response.Body)
		b.check(err != nil, "a whole message, %d bytes more", rest)
	}},
}

func served(s *server, url string) error {
	got, err := s.fetch(url)
	if err == nil && got.status != 200 {
		err = fmt.Errorf("status %d: %.200s", got.status, got.body)
	}
	return err
}

func (b *bench) websocket(endpoint *url.URL) *websocket.Conn {
	raw, err := dial(b.server.info.HTTPS)
	b.no(err, "dial")
	secure := tls.Client(raw, &tls.Config{RootCAs: b.server.roots, ServerName: endpoint.Hostname()})
	location := strings.Replace(endpoint.String(), "https://", "wss://", 1) + "/ws"
	config, err := websocket.NewConfig(location, endpoint.String())
	b.no(err, "a WebSocket's URL")
	conn, err := websocket.NewClient(config, secure)
	b.no(err, "the WebSocket's handshake")
	conn.MaxPayloadBytes = 64 * mib
	conn.SetDeadline(time.Now().Add(testTime))
	return conn
}
