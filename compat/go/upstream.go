package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/websocket"
)

const (
	mib = 1 << 20
	// early is what surely comes of /halves before the second half: the SDK's own proxy holds up to 4 KiB back until
	// more follows.
	early = mib / 2
)

var block = func() []byte {
	made := make([]byte, mib)
	rand.Read(made)
	return made
}()

// blocks is a body of so many MiB of which no two are equal.
type blocks struct {
	left, number int
	now          []byte
}

func newBlocks(count int) *blocks { return &blocks{left: count} }

func (b *blocks) Read(to []byte) (int, error) {
	if len(b.now) == 0 {
		if b.left == 0 {
			return 0, io.EOF
		}
		b.now = append([]byte(nil), block...)
		binary.BigEndian.PutUint64(b.now, uint64(b.number))
		b.left--
		b.number++
	}
	n := copy(to, b.now)
	b.now = b.now[n:]
	return n, nil
}

func digestOf(r io.Reader) (string, error) {
	digest := sha256.New()
	_, err := io.CopyBuffer(digest, struct{ io.Reader }{r}, make([]byte, 256<<10))
	return hex.EncodeToString(digest.Sum(nil)), err
}

// service answers any path with what it was asked; /mib/N, /halves, /ws, and POST for a digest of the body.
type service struct {
	name    string
	address string
	goOn    chan struct{}
	release func()
	server  *http.Server
}

type said struct {
	Path, Name, Host, Remote string
	Header                   http.Header
}

func (b *bench) service(name string) *service {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	b.no(err, "an upstream")
	s := newService(name)
	s.address = listener.Addr().String()
	go s.server.Serve(listener)
	b.cleanup(func() { s.release(); s.server.Close() })
	return s
}

func newService(name string) *service {
	s := &service{name: name, goOn: make(chan struct{})}
	s.release = sync.OnceFunc(func() { close(s.goOn) })
	echo := websocket.Server{Handler: func(conn *websocket.Conn) {
		conn.MaxPayloadBytes = 64 * mib
		var message []byte
		for websocket.Message.Receive(conn, &message) == nil && websocket.Message.Send(conn, message) == nil {
		}
	}}
	s.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/ws":
			echo.ServeHTTP(w, r)
		case r.Method == http.MethodPost:
			digest, err := digestOf(r.Body)
			if err != nil {
				http.Error(w, err.Error(), 500)
				return
			}
			io.WriteString(w, digest)
		case strings.HasPrefix(r.URL.Path, "/mib/"):
			count, _ := strconv.Atoi(r.URL.Path[5:])
			w.Header().Set("Content-Length", strconv.Itoa(count*mib))
			io.CopyBuffer(struct{ io.Writer }{w}, newBlocks(count), make([]byte, 256<<10))
		case r.URL.Path == "/halves":
			s.halves(w)
		default:
			json.NewEncoder(w).Encode(said{r.URL.RequestURI(), s.name, r.Host, r.RemoteAddr, r.Header})
		}
	})}
	return s
}

// halves sends half of two MiB, and the other half when the test says so.
func (s *service) halves(w http.ResponseWriter) {
	w.Header().Set("Content-Length", strconv.Itoa(2*mib))
	body := newBlocks(2)
	io.CopyN(w, body, mib)
	w.(http.Flusher).Flush()
	<-s.goOn
	io.CopyN(w, body, mib)
}

// tcpService serves with serve, or echoes, and says where.
func (b *bench) tcpService(serve func(net.Conn)) string {
	if serve == nil {
		serve = func(conn net.Conn) { io.Copy(conn, conn) }
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	b.no(err, "an upstream")
	b.cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// closedPort is an address where nobody listens.
func (b *bench) closedPort() string {
	held, err := net.Listen("tcp", "127.0.0.1:0")
	b.no(err, "a port")
	defer held.Close()
	return held.Addr().String()
}

// certificate makes one that signs itself, and the pool that trusts it.
func (b *bench) certificate(name string) (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	b.no(err, "a key")
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		DNSNames:              []string{name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	b.no(err, "a certificate")
	parsed, err := x509.ParseCertificate(der)
	b.no(err, "a certificate")
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
