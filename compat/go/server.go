package main

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// server is `adit dev --no-agent` of this test run alone: its own data directory, free ports. Started again, it has
// the same directory and the same ports.
type server struct {
	folder   string
	listen   map[string]string
	tcpPorts string
	env      []string // beside this process's own
	command  *exec.Cmd
	ended    chan struct{} // closed at the process's end
	info     devInfo
	roots    *x509.CertPool
}

// devInfo is what a server writes when it is ready.
type devInfo struct {
	PID       int    `json:"pid"`
	HTTPS     string `json:"https_addr"`
	HTTP      string `json:"http_addr"`
	Admin     string `json:"admin_addr"`
	Connect   string `json:"connect_addr"`
	CAFile    string `json:"ca_file"`
	Authtoken string `json:"authtoken"`
	API       string `json:"api_url"`
	APIKey    string `json:"api_key"`
}

func startServer() (*server, error) { return startServerAt("127.0.0.1") }

func startServerAt(host string) (*server, error) {
	folder, err := os.MkdirTemp("", "adit-compat-")
	if err != nil {
		return nil, err
	}
	any := net.JoinHostPort(host, "0")
	first := freePorts(20)
	s := &server{
		folder:   folder,
		listen:   map[string]string{"https": any, "http": any, "admin": any},
		tcpPorts: fmt.Sprintf("%d-%d", first, first+19),
	}
	return s, s.start()
}

func (s *server) dataDir() string { return filepath.Join(s.folder, "data") }

func (s *server) start() error {
	args := []string{"dev", "--no-agent", "--data-dir", s.dataDir(), "--tcp-ports", s.tcpPorts}
	for name, address := range s.listen {
		args = append(args, "--"+name+"="+address)
	}
	log, err := os.OpenFile(filepath.Join(s.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	command := exec.Command(os.Getenv("ADIT_BIN"), args...)
	command.Stdout, command.Stderr = log, log
	command.Env = append(os.Environ(), s.env...)
	if err := command.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { command.Wait(); close(ended) }()
	s.command, s.ended = command, ended
	if err := poll(20*time.Second, s.ready); err != nil {
		said, _ := os.ReadFile(filepath.Join(s.folder, "log"))
		return fmt.Errorf("the server did not start: %w\n%s", err, said)
	}
	s.listen = map[string]string{"https": s.info.HTTPS, "http": s.info.HTTP, "admin": s.info.Admin}
	return s.readRoots()
}

func (s *server) readRoots() error {
	pem, err := os.ReadFile(s.info.CAFile)
	s.roots = x509.NewCertPool()
	s.roots.AppendCertsFromPEM(pem)
	return err
}

func (s *server) ready() error {
	text, err := os.ReadFile(filepath.Join(s.dataDir(), "dev.json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &s.info); err != nil {
		return err
	}
	if s.info.PID != s.command.Process.Pid {
		return errors.New("dev.json of another process")
	}
	return nil
}

// kill is as `kill -9`.
func (s *server) kill() {
	s.command.Process.Kill()
	<-s.ended
}

// terminate asks it to drain and stop; it does not wait.
func (s *server) terminate() { s.command.Process.Signal(syscall.SIGTERM) }

// draining says nil once it has begun to stop (or has stopped).
func (s *server) draining() error {
	if _, err := os.Stat(filepath.Join(s.dataDir(), "dev.json")); err == nil {
		return errors.New("still serving")
	}
	return nil
}

func (s *server) close() {
	s.terminate()
	select {
	case <-s.ended:
	case <-time.After(15 * time.Second):
		s.kill()
	}
	os.RemoveAll(s.folder)
}

// freePorts finds neighbouring free ports, below those that systems hand out themselves.
func freePorts(count int) int {
	for {
		first := 10_000 + rand.Intn(22_000-count)
		free := true
		for port := first; port < first+count && free; port++ {
			held, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				free = false
				continue
			}
			held.Close()
		}
		if free {
			return first
		}
	}
}
