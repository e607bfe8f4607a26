package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// client is a visitor of the server's https:// and http:// endpoints, whatever the name.
func (s *server) client() *http.Client {
	dial := func(ctx context.Context, _, address string) (net.Conn, error) {
		to := s.info.HTTPS
		if _, port, _ := net.SplitHostPort(s.info.HTTP); strings.HasSuffix(address, ":"+port) || strings.HasSuffix(address, ":80") {
			to = s.info.HTTP
		}
		return new(net.Dialer).DialContext(ctx, "tcp", to)
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:       dial,
			TLSClientConfig:   &tls.Config{RootCAs: s.roots},
			DisableKeepAlives: true,
		},
		Timeout: testTime,
	}
}

// answer is a response, read whole.
type answer struct {
	status int
	header http.Header
	body   string
}

func (b *bench) fetch(s *server, url string) answer {
	got, err := s.fetch(url)
	b.no(err, url)
	return got
}

func (s *server) fetch(url string) (answer, error) {
	response, err := s.client().Get(url)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(body)}, err
}

// dialTCP connects to a tcp:// endpoint; its name is this machine's.
func (s *server) dialTCP(endpoint *url.URL) (net.Conn, error) {
	return dial("127.0.0.1:" + endpoint.Port())
}

func dial(address string) (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err == nil {
		conn.SetDeadline(time.Now().Add(30 * time.Second))
	}
	return conn, err
}

// dialTLS connects to a tls:// endpoint with what the visitor trusts.
func (s *server) dialTLS(endpoint *url.URL, config *tls.Config) (*tls.Conn, error) {
	raw, err := dial(s.info.HTTPS)
	if err != nil {
		return nil, err
	}
	config.ServerName = endpoint.Hostname()
	conn := tls.Client(raw, config)
	if err := conn.Handshake(); err != nil {
		raw.Close()
		return nil, err
	}
	return conn, nil
}

// echoes says nil if what is sent over conn comes back.
func echoes(conn net.Conn, text string) error {
	if _, err := io.WriteString(conn, text); err != nil {
		return err
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(conn, got); err != nil {
		return err
	}
	if string(got) != text {
		return io.ErrUnexpectedEOF
	}
	return nil
}
