package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.ngrok.com/ngrok/v2"
)

func (b *bench) said(got answer) said {
	var what said
	b.check(got.status == 200, "status %d: %.300s", got.status, got.body)
	b.no(json.Unmarshal([]byte(got.body), &what), "what the upstream said")
	return what
}

// offline says nil once an endpoint's visitors are told so.
func (s *server) offline(endpoint *url.URL) func() error {
	return func() error {
		got, err := s.fetch(endpoint.String())
		if err == nil && (got.status != 404 || got.header.Get("Ngrok-Error-Code") != "ERR_NGROK_3200") {
			err = fmt.Errorf("status %d", got.status)
		}
		return err
	}
}

var endpointTests = []test{
	{"an https url works", func(b *bench) {
		for _, wanted := range []string{"", "https://", "https://go-chosen.adit.localhost"} {
			endpoint := b.web(b.agent(b.server), b.service("").address, ngrok.WithURL(wanted))
			b.check(endpoint.URL().Scheme == "https", "URL %v", endpoint.URL())
			b.check(!strings.Contains(wanted, "chosen") || endpoint.URL().Hostname() == "go-chosen.adit.localhost", "URL %v", endpoint.URL())
			got := b.said(b.fetch(b.server, endpoint.URL().String()+"/a?b=c"))
			b.check(got.Path == "/a?b=c" && got.Host == endpoint.URL().Host, "asked %+v", got)
		}
	}},
	{"an http url works and has no tls", func(b *bench) {
		endpoint := b.web(b.agent(b.server), b.service("").address, ngrok.WithURL("http://"))
		b.check(endpoint.URL().Scheme == "http", "URL %v", endpoint.URL())
		b.check(b.said(b.fetch(b.server, endpoint.URL().String()+"/p")).Path == "/p", "path")
	}},
	{"a tcp url works", func(b *bench) {
		endpoint := b.forward(b.agent(b.server), ngrok.WithUpstream("tcp://"+b.tcpService(nil)), ngrok.WithURL("tcp://"))
		b.check(endpoint.URL().Scheme == "tcp" && endpoint.URL().Port() != "", "URL %v", endpoint.URL())
		conn, err := b.server.dialTCP(endpoint.URL())
		b.no(err, "dial")
		defer conn.Close()
		b.no(echoes(conn, "over tcp"), "echo")
	}},
	{"a tls url passes through to the upstream", func(b *bench) {
		pair, pool := b.certificate("go-tls.adit.localhost")
		upstream := b.tcpService(func(conn net.Conn) {
			inside := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{pair}})
			io.Copy(inside, inside)
		})
		endpoint := b.forward(b.agent(b.server), ngrok.WithUpstream("tcp://"+upstream), ngrok.WithURL("tls://go-tls.adit.localhost"))
		conn, err := b.server.dialTLS(endpoint.URL(), &tls.Config{RootCAs: pool})
		b.no(err, "the upstream's handshake")
		defer conn.Close()
		b.no(echoes(conn, "end to end"), "echo")
	}},
	{"a tls url ends at the agent", func(b *bench) {
		pair, pool := b.certificate("go-agent-tls.adit.localhost")
		endpoint := b.forward(b.agent(b.server), ngrok.WithUpstream("tcp://"+b.tcpService(nil)),
			ngrok.WithURL("tls://go-agent-tls.adit.localhost"),
			ngrok.WithAgentTLSTermination(&tls.Config{Certificates: []tls.Certificate{pair}}))
		conn, err := b.server.dialTLS(endpoint.URL(), &tls.Config{RootCAs: pool})
		b.no(err, "the agent's handshake")
		defer conn.Close()
		b.no(echoes(conn, "decrypted at the agent"), "echo")
	}},
	{"a listener serves http in the process", func(b *bench) {
		listener := b.listen(b.agent(b.server))
		s := newService("here")
		go s.server.Serve(listener)
		b.cleanup(func() { s.server.Close() })
		b.check(b.said(b.fetch(b.server, listener.URL().String())).Name == "here", "name")
	}},
	{"the visitors address is visible", func(b *bench) { b.visible(b.server, "127.0.0.1") }},
	{"the visitors ipv6 address is visible", func(b *bench) {
		held, err := net.Listen("tcp", "[::1]:0")
		b.no(err, "IPv6 of this machine")
		held.Close()
		s, err := startServerAt("::1")
		b.no(err, "a server on [::1]")
		b.cleanup(s.close)
		// The SDK itself cannot be given an IPv6 address (it cuts the server's name off at the first colon); its
		// visitors can have one.
		b.visible(s, "::1", ngrok.WithAgentConnectURL(b.cut(s.info.HTTPS).address()))
	}},
	{"the tcp visitors address is visible", func(b *bench) {
		listener := b.listen(b.agent(b.server), ngrok.WithURL("tcp://"))
		conn, err := b.server.dialTCP(listener.URL())
		b.no(err, "dial")
		defer conn.Close()
		accepted, err := listener.Accept()
		b.no(err, "accept")
		defer accepted.Close()
		b.check(accepted.RemoteAddr().String() == conn.LocalAddr().String(), "%v for %v", accepted.RemoteAddr(), conn.LocalAddr())
	}},
	{"proxy protocol 1 reaches the upstream", func(b *bench) {
		b.proxyHeader(ngrok.ProxyProtoV1, func(reader *bufio.Reader, source, port int) error {
			line, err := reader.ReadString('\n')
			if want := fmt.Sprintf("PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\n", source, port); line != want {
				return fmt.Errorf("%q for %q (%v)", line, want, err)
			}
			return err
		})
	}},
	{"proxy protocol 2 reaches the upstream", func(b *bench) {
		b.proxyHeader(ngrok.ProxyProtoV2, func(reader *bufio.Reader, source, port int) error {
			head := make([]byte, 16)
			if _, err := io.ReadFull(reader, head); err != nil {
				return err
			}
			rest := make([]byte, binary.BigEndian.Uint16(head[14:]))
			if _, err := io.ReadFull(reader, rest); err != nil {
				return err
			}
			want := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16([]byte{127, 0, 0, 1, 127, 0, 0, 1}, uint16(source)), uint16(port))
			if !bytes.HasPrefix(head, []byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11")) || !bytes.HasPrefix(rest, want) {
				return fmt.Errorf("% x % x", head, rest)
			}
			return nil
		})
	}},
	{"a bad host is 326", refusedURL("ERR_NGROK_326", "https://1.21!gigawatts")},
	{"a url with a path is 9037", refusedURL("ERR_NGROK_9037", "https://go-path.adit.localhost/path")},
	{"a wrong policy is refused", func(b *bench) {
		_, err := b.agent(b.server).Listen(context.Background(), ngrok.WithTrafficPolicy(`{"on_http_request":[{"actions":[{"type":"denied"}]}]}`))
		b.refusedWith("ERR_NGROK_9026", err)
	}},
	{"a policy is enforced", func(b *bench) {
		upstream := b.service("")
		endpoint := b.web(b.agent(b.server), upstream.address, ngrok.WithTrafficPolicy(`{"on_http_request":[{"expressions":["req.url.path == '/no'"],"actions":[{"type":"deny","config":{"status_code":418}}]}]}`))
		for path, status := range map[string]int{"/no": 418, "/yes": 200} {
			response, err := b.server.client().Get(endpoint.URL().String() + path)
			b.no(err, path)
			response.Body.Close()
			if response.StatusCode != status {
				b.no(fmt.Errorf("%d, not %d", response.StatusCode, status), path)
			}
		}
	}},
	{"an endpoint is changed while it runs", func(b *bench) {
		// The answer stands open over the change.
		upstream := b.service("")
		endpoint := b.web(b.agent(b.server), upstream.address, ngrok.WithTrafficPolicy("on_http_request: []"))
		response, err := b.server.client().Get(endpoint.URL().String() + "/halves")
		b.no(err, "get")
		defer response.Body.Close()
		_, err = io.CopyN(io.Discard, response.Body, early)
		b.no(err, "first half")
		changeable := endpoint.(ngrok.UpdateableEndpointForwarder)
		ctx, cancel := soon()
		defer cancel()
		name, description, metadata, pool, policy := "new", "changed", "other", true, ""
		b.no(changeable.Update(ctx, &name, &description, &metadata, &pool, &policy), "update")
		bad := `{"on_http_request":[{"actions":[{"type":"no-such-thing"}]}]}`
		b.check(changeable.Update(ctx, nil, nil, nil, nil, &bad) != nil, "a bad policy is taken")
		upstream.release()
		rest, err := io.Copy(io.Discard, response.Body)
		b.check(err == nil && rest == 2*mib-early, "second half: %d, %v", rest, err)
		b.check(b.fetch(b.server, endpoint.URL().String()).status == 200, "not served after")
	}},
	{"close takes the endpoint offline", func(b *bench) {
		agent := b.agent(b.server)
		endpoint := b.web(agent, b.service("").address)
		b.check(b.fetch(b.server, endpoint.URL().String()).status == 200, "not served")
		b.no(endpoint.Close(), "close")
		b.eventually(5*time.Second, "offline after close", b.server.offline(endpoint.URL()))
		other := b.web(agent, b.service("").address)
		b.no(agent.Disconnect(), "disconnect")
		// An orderly leave: no waiting for the agent's return.
		b.eventually(5*time.Second, "offline after disconnect", b.server.offline(other.URL()))
	}},
	{"the same url twice is 334", func(b *bench) {
		const once = "go-once.adit.localhost"
		other := b.process(b.service("").address, "-domain", once)
		_, err := b.agent(b.server).Listen(context.Background(), ngrok.WithURL("https://"+once))
		b.refusedWith("ERR_NGROK_334", err)
		b.check(b.fetch(b.server, other.URLs.HTTP).status == 200, "the first one does not serve")
	}},
	{"two pooled processes both serve", func(b *bench) {
		const shared = "go-pool.adit.localhost"
		other := b.process(b.service("theirs").address, "-domain", shared, "-pool")
		endpoint := b.web(b.agent(b.server), b.service("mine").address, ngrok.WithURL("https://"+shared), ngrok.WithPoolingEnabled(true))
		b.check(endpoint.URL().String() == other.URLs.HTTP, "%v and %v", endpoint.URL(), other.URLs.HTTP)
		seen := map[string]bool{}
		b.eventually(10*time.Second, "both serve", func() error {
			seen[b.said(b.fetch(b.server, other.URLs.HTTP)).Name] = true
			if len(seen) < 2 {
				return fmt.Errorf("seen: %v", seen)
			}
			return nil
		})
	}},
	{"a pooled endpoint is replaced in one session without a gap", func(b *bench) {
		// The way of the Kubernetes operator: the new one first, then the old one closes.
		agent := b.agent(b.server)
		const replaced = "https://go-replaced.adit.localhost"
		pooled := []ngrok.EndpointOption{ngrok.WithURL(replaced), ngrok.WithPoolingEnabled(true)}
		older := b.web(agent, b.service("old").address, pooled...)
		url, stop, gaps := older.URL().String(), make(chan struct{}), make(chan error, 1)
		go func() {
			for {
				select {
				case <-stop:
					close(gaps)
					return
				default:
				}
				if got, err := b.server.fetch(url); err != nil || got.status != 200 {
					gaps <- fmt.Errorf("status %d, %s, %v", got.status, got.body, err)
					return
				}
			}
		}()
		b.web(agent, b.service("new").address, pooled...)
		b.no(older.Close(), "close the old one")
		b.eventually(5*time.Second, "the new one alone", func() error {
			for range 5 {
				if name := b.said(b.fetch(b.server, url)).Name; name != "new" {
					return errors.New(name)
				}
			}
			return nil
		})
		close(stop)
		b.no(<-gaps, "a gap")
	}},
	{"an upstream that is down is 502 with 8012", func(b *bench) {
		endpoint := b.web(b.agent(b.server), b.closedPort())
		got := b.fetch(b.server, endpoint.URL().String())
		b.check(got.status == http.StatusBadGateway && got.header.Get("Ngrok-Error-Code") == "ERR_NGROK_8012",
			"status %d, code %q", got.status, got.header.Get("Ngrok-Error-Code"))
	}},
}

func refusedURL(code, url string) func(*bench) {
	return func(b *bench) {
		_, err := b.agent(b.server).Listen(context.Background(), ngrok.WithURL(url))
		b.refusedWith(code, err)
	}
}

// visible checks what an upstream learns of its visitor.
func (b *bench) visible(s *server, address string, more ...ngrok.AgentOption) {
	endpoint := b.web(b.agent(s, more...), b.service("").address)
	request, err := http.NewRequest("GET", endpoint.URL().String(), nil)
	b.no(err, "a request")
	request.Header.Set("X-Forwarded-For", "192.0.2.1")
	response, err := s.client().Do(request)
	b.no(err, "get")
	defer response.Body.Close()
	var got said
	b.no(json.NewDecoder(response.Body).Decode(&got), "what the upstream said")
	b.check(got.Header.Get("X-Forwarded-For") == address && got.Header.Get("X-Forwarded-Proto") == "https", "%v", got.Header)
}

// proxyHeader sends bytes to a tcp upstream that wants the PROXY protocol, and checks what comes in front of them.
func (b *bench) proxyHeader(version ngrok.ProxyProtoVersion, check func(reader *bufio.Reader, source, port int) error) {
	received := make(chan *bufio.Reader, 1)
	release := make(chan struct{})
	upstream := b.tcpService(func(conn net.Conn) {
		received <- bufio.NewReader(conn)
		<-release
	})
	defer close(release)
	endpoint := b.forward(b.agent(b.server), ngrok.WithUpstream("tcp://"+upstream, ngrok.WithUpstreamProxyProto(version)), ngrok.WithURL("tcp://"))
	conn, err := b.server.dialTCP(endpoint.URL())
	b.no(err, "dial")
	defer conn.Close()
	io.WriteString(conn, "first bytes")
	reader := <-received
	port := 0
	fmt.Sscan(endpoint.URL().Port(), &port)
	b.no(check(reader, conn.LocalAddr().(*net.TCPAddr).Port, port), "the header")
	after := make([]byte, 11)
	_, err = io.ReadFull(reader, after)
	b.check(err == nil && string(after) == "first bytes", "after the header: %q, %v", after, err)
}
